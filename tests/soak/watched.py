"""`dragoman serve` in a process that says, each time it is sent a line, what it holds.

`python -m tests.soak.watched FILE [arguments of serve]`: FILE gets the answer to each line, as JSON.
"""

import asyncio
import gc
import os
import sys
import threading
from pathlib import Path

import msgspec
from msgspec import Struct

from dragoman.cli import main


class Held(Struct, frozen=True):
    """What a process holds."""

    objects: int
    """That the collector knows, after a collection."""
    tasks: int
    """Of asyncio, that are not done."""


def answer(path: Path) -> None:
    """Answers each line of standard input."""
    for _ in sys.stdin:
        gc.collect()
        found = gc.get_objects()
        tasks = sum(isinstance(each, asyncio.Task) and not each.done() for each in found)
        new = path.with_suffix(".new")
        new.write_bytes(msgspec.json.encode(Held(len(found), tasks)))
        os.replace(new, path)
        del found  # else all of them would live until the next line, and with them what they were when it was asked


if __name__ == "__main__":
    threading.Thread(target=answer, args=(Path(sys.argv[1]),), daemon=True).start()
    sys.argv[1:] = ["serve", *sys.argv[2:]]
    main()
