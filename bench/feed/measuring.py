"""What the takers of the feed benchmark have in common: their options, and how they measure."""
import json
import sys
import time

WARM_UP_SECONDS = 1  # a host is fast once its code is compiled, and its memory has been touched

how = json.loads(sys.argv[1])


def measure(answers):
    """Takes for `seconds`; each answer is a pair of items and bytes. Prints items and megabytes a second.

    What comes before, while everything gets going, is not counted.
    """
    next(answers)
    begin = time.monotonic()
    for _ in answers:
        if time.monotonic() - begin > WARM_UP_SECONDS:
            break
    items = total = 0
    begin = time.monotonic()
    for count, size in answers:
        items += count
        total += size
        if time.monotonic() - begin > how["seconds"]:
            break
    took = time.monotonic() - begin
    print(json.dumps({"items": items / took, "megabytes": total / took / 1e6}), flush=True)
