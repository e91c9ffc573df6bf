"""The cassette of one test: where it is, and whether it is recorded or played."""

import re
from hashlib import sha256
from pathlib import Path

from msgspec import Struct

from dragoman.client import Client, SyncClient
from dragoman.client.configuration import Configuration
from dragoman.transport.replay import RecordMode

FOLDER = "cassettes"
MAX_NAME = 100
"""Characters of a file's name: file systems take 255 bytes."""

_UNSAFE = re.compile(r"[^\w.-]+")


class CassetteFile(Struct, frozen=True):
    """A file and a mode, with clients that record in it or play it."""

    path: Path
    mode: RecordMode = "once"

    @classmethod
    def of_test(cls, module: Path, name: str, mode: RecordMode) -> "CassetteFile":
        """The cassette of the test `name` in the file `module`: `cassettes/MODULE/NAME.json` beside it."""
        return cls(module.parent / FOLDER / module.stem / f"{_file_name(name)}.json", mode)

    def client(self, config: Configuration = None) -> Client:
        """A client with this configuration."""
        return Client.record(self.path, config, mode=self.mode)

    def sync_client(self, config: Configuration = None) -> SyncClient:
        """The same, for callers without an event loop."""
        return SyncClient.record(self.path, config, mode=self.mode)


def _file_name(name: str) -> str:
    """`name` as a file's name; one that had to be changed gets a mark, so that two tests never share a file."""
    safe = _UNSAFE.sub("-", name)[:MAX_NAME].strip("-.")
    return safe if safe == name else f"{safe}-{sha256(name.encode()).hexdigest()[:8]}"
