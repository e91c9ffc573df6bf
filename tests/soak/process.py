"""The gateway's process, seen from outside. Knows no protocol."""

import os
import re
import subprocess
import sys
import time
from pathlib import Path
from typing import IO, Any

import msgspec
from msgspec import Struct

from tests.soak.watched import Held
from tests.support.gateway_process import ADDRESS

KIB = re.compile(r"^(RssAnon|VmSwap):\s+(\d+) kB$", re.MULTILINE)


class Sample(Struct, frozen=True):
    """What the process takes at one time."""

    memory: float
    """MiB of its own that are not shared, in memory or swapped out (RssAnon and VmSwap)."""
    descriptors: int
    threads: int


class WatchedGateway:
    """A gateway, until `stop`."""

    def __init__(self, folder: Path, config: str) -> None:
        (folder / "dragoman.toml").write_text(config)
        self.log = folder / "requests.jsonl"
        self._held = folder / "held.json"
        words = ["--config", str(folder / "dragoman.toml"), "--request-log", str(self.log)]
        self._errors: IO[Any] = open(folder / "errors.txt", "wb")  # noqa: SIM115  # closed by `stop`
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.soak.watched", str(self._held), *words],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            text=True,
        )
        assert self._process.stdout is not None
        found = ADDRESS.search(self._process.stdout.readline())
        if found is None:
            raise SystemExit("the gateway did not start: " + (folder / "errors.txt").read_text())
        self.url = found[0]

    def sample(self) -> Sample:
        """What it takes now."""
        place = Path(f"/proc/{self._process.pid}")
        memory = sum(int(size) for _, size in KIB.findall((place / "status").read_text()))
        return Sample(memory / 1024, len(os.listdir(place / "fd")), len(os.listdir(place / "task")))

    def held(self) -> Held:
        """What it holds now."""
        self._held.unlink(missing_ok=True)
        assert self._process.stdin is not None
        self._process.stdin.write("\n")
        self._process.stdin.flush()
        while not self._held.exists():
            if self._process.poll() is not None:
                raise SystemExit("the gateway has ended")
            time.sleep(0.01)
        return msgspec.json.decode(self._held.read_bytes(), type=Held)

    def stop(self) -> tuple[int, str]:
        """Ends it. Its exit code, and what it wrote to stderr."""
        self._process.terminate()
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.wait()
        self._process.stdin.close()
        self._process.stdout.close()
        self._errors.close()
        return self._process.returncode, Path(self._errors.name).read_text()
