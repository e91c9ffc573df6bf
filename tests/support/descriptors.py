"""What a process has open."""

import os
from contextlib import suppress
from pathlib import Path


def descriptors(pid: int) -> list[str]:
    """What its descriptors stand for, such as `socket:[4711]`; without those that it closes meanwhile."""
    found: list[str] = []
    for each in Path(f"/proc/{pid}/fd").iterdir():
        with suppress(FileNotFoundError):
            found.append(os.readlink(each))
    return found
