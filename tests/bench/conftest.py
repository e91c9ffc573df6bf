"""The benchmarks need programs that not every machine has."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from bench.contenders import Ground

EVENTS = 6
"""Of a paced stream: it lasts a second and a bit."""

NEEDED = ("cc", "taskset", "nginx")


@pytest.fixture(scope="session", autouse=True)
def _able() -> None:
    path = f"{os.environ.get('PATH', '')}:/usr/sbin"
    missing = [name for name in NEEDED if shutil.which(name, path=path) is None]
    if missing or (os.cpu_count() or 1) < 2 or not Path("/proc/self/schedstat").exists():
        pytest.skip(f"benchmarks need Linux, two cores, {', '.join(NEEDED)}; missing: {', '.join(missing) or 'others'}")


@pytest.fixture
def ground(tmp_path: Path) -> Iterator[Ground]:
    """An upstream, and a folder."""
    with Ground(tmp_path, EVENTS) as made:
        yield made
