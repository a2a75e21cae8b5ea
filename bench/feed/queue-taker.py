"""Takes from a multiprocessing.Queue that two processes put into: bytes, or arrays of numpy, which are pickled."""
import multiprocessing
from measuring import how, measure

if how["numpy"]:
    import numpy

PRODUCERS = 2


def made():
    """A new one each time: the queue reads it some time after the put."""
    return numpy.ones(how["bytes"], dtype=numpy.uint8) if how["numpy"] else b"\1" * how["bytes"]


def produce(queue):
    together = how["together"]
    while True:
        queue.put(made() if together == 1 else [made() for _ in range(together)])


def taken(queue):
    while True:
        answer = queue.get()
        items = answer if isinstance(answer, list) else [answer]
        yield len(items), sum(len(item) for item in items)


if __name__ == "__main__":
    queue = multiprocessing.Queue(how["capacity"] // how["together"])
    producers = [multiprocessing.Process(target=produce, args=(queue,), daemon=True) for _ in range(PRODUCERS)]
    for producer in producers:
        producer.start()
    try:
        measure(taken(queue))
    finally:
        for producer in producers:
            producer.kill()
