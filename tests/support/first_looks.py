"""Threads that read documents of types which nobody has read before, all at one moment: `python -m` this module.

A process of its own, because what may go wrong in it is no exception: the process ends.
"""

import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import make_dataclass
from typing import Any

from ims.store.codec import decode

TYPES = 300
THREADS = 4
TEXT = '{"others":[{"leaves":[{"name":"x"}],"one":{"name":"z"}}],"leaf":{"number":2}}'


def new_type(number: int) -> Any:
    """Return a dataclass of dataclasses that are in it in several places."""
    leaf: Any = make_dataclass(f"Leaf{number}", [("name", str, ""), ("number", int, 0)], frozen=True)
    other: Any = make_dataclass(f"Other{number}", [("leaves", tuple[leaf, ...], ()), ("one", leaf, None)], frozen=True)
    return make_dataclass(f"Whole{number}", [("others", tuple[other, ...], ()), ("leaf", leaf, None)], frozen=True)


def main() -> None:
    """Have every thread read the same type at the same moment, one type after the other."""
    sys.setswitchinterval(1e-6)
    together = threading.Barrier(THREADS)
    kinds = [new_type(number) for number in range(TYPES)]

    def read_all() -> list[str]:
        found = []
        for kind in kinds:
            together.wait(30)
            found.append(decode(kind, TEXT).others[0].leaves[0].name)
        return found

    with ThreadPoolExecutor(THREADS) as pool:
        answers = [one.result() for one in [pool.submit(read_all) for _ in range(THREADS)]]
    sys.exit(answers != [["x"] * TYPES] * THREADS)


if __name__ == "__main__":
    main()
