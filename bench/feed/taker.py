"""Reads for bench/feed.mjs as fast as it can, for some seconds; prints items and bytes a second."""
import json
import pathlib
import socket
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).parent.parent / "examples" / "digits"))
from feed import Feed  # noqa: E402

how = json.loads(sys.argv[1])
seconds, size = how["seconds"], how["bytes"]
items = total = 0
if "raw" in how:
    connection = socket.socket(socket.AF_UNIX)
    connection.connect(how["raw"])
    memory = bytearray(max(size, 64 * 1024))
    connection.recv_into(memory)
    begin = time.monotonic()
    while time.monotonic() - begin < seconds:
        total += connection.recv_into(memory)
    items = total / size
else:
    feed = Feed("bench", how["url"], path=how.get("path"), most=how["most"], reuse=True)
    answers = feed.answers()
    next(answers)
    begin = time.monotonic()
    for answer in answers:
        items += len(answer)
        total += sum(len(item.data) for item in answer)
        if time.monotonic() - begin > seconds:
            break
took = time.monotonic() - begin
print(json.dumps({"items": items / took, "megabytes": total / took / 1e6}))
