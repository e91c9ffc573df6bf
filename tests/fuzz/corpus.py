"""Inputs that are kept: `corpus/TARGET/NAME`, each of which once broke its target or reached new code."""

from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path

from tests.fuzz.targets.table import TARGETS

ROOT = Path(__file__).parent / "corpus"
MAX_SEEDS = 50
"""Inputs of one target."""
MAX_BYTES = 300 << 10
"""Bytes of all inputs."""


def kept(name: str) -> Iterator[bytes]:
    """The inputs that are kept of a target."""
    for path in sorted((ROOT / name).iterdir()) if (ROOT / name).is_dir() else ():
        yield path.read_bytes()


def seeds(name: str) -> list[bytes]:
    """All inputs with which a target begins: those that are kept, and those that are golden elsewhere."""
    return [*kept(name), *TARGETS[name].seeds()]


def keep(name: str, data: bytes) -> Path:
    """Adds an input to the corpus."""
    path = ROOT / name / sha256(data).hexdigest()[:16]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    return path
