"""How long a fixed piece of work takes on a core, ten times a second, in milliseconds: a line each.

    python bench/core_pace.py 0

The chat benches start it beside the process that they measure, on its core, of which it takes two
hundredths. Machines that are shared give a core half of its speed for seconds at a time, and no
counter of the system tells so: the CPU time of the same work doubles. Prints when SIGINT ends it.
"""

import os
import signal
import sys
import time
from typing import Final

PER_SECOND: Final = 10
_STEPS: Final = 20_000


def work_ms() -> float:
    """CPU time of the work: arithmetic, strings and a table, as programs in Python have them."""
    began = time.process_time()
    table: dict[int, str] = {}
    for number in range(_STEPS):
        table[number % 997] = str(number)
    return (time.process_time() - began) * 1000


def main(core: int) -> None:
    os.sched_setaffinity(0, {core})
    found: list[float] = []
    try:
        while True:
            found.append(work_ms())
            time.sleep(1 / PER_SECOND)
    finally:
        for milliseconds in found:
            print(round(milliseconds, 3))


if __name__ == "__main__":
    # Shells start what runs in the background deaf to it.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        main(int(sys.argv[1]))
    except KeyboardInterrupt:
        sys.exit()
