"""A gateway in a process of its own, for callers that are programs themselves."""

import re
import subprocess
import sys
from pathlib import Path
from typing import Self

ADDRESS = re.compile(r"http://127\.0\.0\.1:\d+")


class GatewayProcess:
    """A gateway with this configuration, in TOML, until the block ends; its file is written into `place`."""

    def __init__(self, place: Path, config: str) -> None:
        path = place / f"{len(list(place.iterdir()))}.toml"
        path.write_text(config)
        words = [sys.executable, "-m", "dragoman", "serve", "--config", str(path)]
        self._process = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        assert self._process.stdout is not None
        found = ADDRESS.search(self._process.stdout.readline())
        if found is None:
            self._process.terminate()
            raise SystemExit("the gateway did not start")
        self.url = found[0]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._process.terminate()
        self._process.wait()
        if self._process.stdout is not None:
            self._process.stdout.close()
