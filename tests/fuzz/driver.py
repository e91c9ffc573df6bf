"""One target under atheris: inputs by coverage, until a number of them was tried or one is wrong.

`python -m tests.fuzz.driver TARGET CRASHES [options of libFuzzer]`. `tests.fuzz` starts it, one process a target.
"""

import random
import sys
import time
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["dragoman"]):
    from tests.fuzz.targets.table import TARGETS

SLOWEST = 1.0
"""Seconds of the processor that one input may take."""
SPOILT = 0.5
"""The part of inputs that are changed in their own form, if a target has one; the others are changed as bytes."""


class SlowError(Exception):
    """An input took too long."""


def main(name: str, crashes: str, options: list[str]) -> None:
    """Tries inputs; ends the process with another code than 0 if one is wrong."""
    target = TARGETS[name]
    spoil = target.spoil

    def one(data: bytes) -> None:
        begun = time.process_time()
        try:
            target.run(data)
        except Exception:
            (Path(crashes) / "last").write_bytes(data)
            raise
        if (took := time.process_time() - begun) > SLOWEST:
            raise SlowError(f"{len(data)} bytes took {took:.1f} s")

    def mutate(data: bytes, size: int, seed: int) -> bytes:
        rng = random.Random(seed)
        if spoil is None or rng.random() > SPOILT:
            return bytes(atheris.Mutate(data, size))
        return spoil(data, rng)[:size]

    argv = [sys.argv[0], *options]
    atheris.Setup(argv, one, custom_mutator=mutate)
    atheris.Fuzz()


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], sys.argv[3:])
