"""Takes from the feed as fast as it can; or reads as many bytes from a plain socket, for comparison."""
import pathlib
import socket
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parents[2] / "examples" / "digits"))
from feed import Feed  # noqa: E402
from measuring import how, measure  # noqa: E402


def of_the_feed():
    feed = Feed("bench", how["url"], path=how.get("path"), most=how["most"])
    for answer in feed.answers():
        yield len(answer), sum(len(item.data) for item in answer)
        del answer


def of_the_feed_by_default():
    for item in Feed("bench", how["url"], path=how.get("path")):
        yield 1, len(item.data)


def of_a_plain_socket():
    connection = socket.socket(socket.AF_UNIX)
    connection.connect(how["raw"])
    memory = bytearray(max(how["bytes"], 64 * 1024))
    while True:
        size = connection.recv_into(memory)
        yield size / how["bytes"], size


if __name__ == "__main__":
    if "raw" in how:
        measure(of_a_plain_socket())
    else:
        measure(of_the_feed_by_default() if how["plain"] else of_the_feed())
