"""The loop of Caffe2's parallel_workers, with nothing around it, in threads or in a process for each worker.

Every call is timed by time.time(), and the sum and the count are kept in a dict that the threads share. Prints the
calls a second of all workers together; or, given {"steps_of": microseconds}, how many steps of spin() take so long.
"""

import asyncio
import collections
import json
import multiprocessing
import sys
import threading
import time

BATCH_STEPS = 2_000
BATCHES = 2_000


def empty(argument):
    pass


async def empty_async(argument):
    pass


def spin(steps):
    value = 1
    for _ in range(steps):
        value = (value * 1664525 + 1013904223) & 0xFFFFFFFF


def steps_of(microseconds):
    """By the fastest of many batches: others only disturb."""
    least = float("inf")
    for _ in range(BATCHES):
        begin = time.perf_counter()
        spin(BATCH_STEPS)
        least = min(least, time.perf_counter() - begin)
    return max(1, round(BATCH_STEPS * microseconds / (least * 1e6)))


class Coordinator:
    """What the workers of one process share."""

    def __init__(self, active):
        self._active = active
        self._metrics = collections.defaultdict(int)

    def is_active(self):
        return self._active.value

    def put_metric(self, key, value):
        self._metrics[key] += value
        self._metrics[key + "_count"] += 1

    def count(self):
        return self._metrics["worker_time_count"]


class LockedCoordinator(Coordinator):
    """Loses no call by design; Caffe2 relies on the interpreter."""

    def __init__(self, active):
        super().__init__(active)
        self._lock = threading.Lock()

    def put_metric(self, key, value):
        with self._lock:
            self._metrics[key] += value
            self._metrics[key + "_count"] += 1


class Flag:
    """Of threads; processes have one in shared memory."""

    value = True


def run_worker(coordinator, function, argument):
    while coordinator.is_active():
        begin = time.time()
        try:
            function(argument)
        finally:
            coordinator.put_metric("worker_time", time.time() - begin)


async def run_async_worker(coordinator, function, argument):
    while coordinator.is_active():
        begin = time.time()
        try:
            await function(argument)
        finally:
            coordinator.put_metric("worker_time", time.time() - begin)


def in_threads(run, make, workers, seconds):
    active = Flag()
    coordinator = make(active)
    go = threading.Event()

    def body():
        go.wait()
        run(coordinator)

    threads = [threading.Thread(target=body, daemon=True) for _ in range(workers)]
    for thread in threads:
        thread.start()
    begin = time.perf_counter()
    go.set()
    time.sleep(seconds)
    active.value = False
    for thread in threads:
        thread.join()
    return coordinator.count() / (time.perf_counter() - begin)


def in_processes(run, make, workers, seconds):
    context = multiprocessing.get_context("fork")
    active = context.RawValue("b", True)
    barrier = context.Barrier(workers + 1)
    rates = context.SimpleQueue()

    def body():
        coordinator = make(active)
        barrier.wait()
        begin = time.perf_counter()
        run(coordinator)
        rates.put(coordinator.count() / (time.perf_counter() - begin))

    processes = [context.Process(target=body, daemon=True) for _ in range(workers)]
    for process in processes:
        process.start()
    barrier.wait()
    time.sleep(seconds)
    active.value = False
    total = sum(rates.get() for _ in processes)
    for process in processes:
        process.join()
    return total


def main():
    how = json.loads(sys.argv[1])
    if "steps_of" in how:
        print(steps_of(how["steps_of"]))
        return
    function = {"empty": empty, "emptyAsync": empty_async, "spin": spin}[how["name"]]
    argument = how.get("argument")

    def run(coordinator):
        if function is empty_async:
            asyncio.run(run_async_worker(coordinator, function, argument))
        else:
            run_worker(coordinator, function, argument)

    measure = in_processes if how.get("processes") else in_threads
    make = LockedCoordinator if how.get("locked") else Coordinator
    print(measure(run, make, how["workers"], how["seconds"]))


main()
