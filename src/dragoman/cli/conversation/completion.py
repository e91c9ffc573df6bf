"""What a line for the program may go on with: commands, models, files. Knows no keyboard."""

import asyncio
import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from dragoman.cli.conversation.slash import COMMANDS
from dragoman.client import Client
from dragoman.errors import DragomanError
from dragoman.providers.request import ChatOptions

FILES = ("/attach ", "/load ", "/save ")
"""Commands that take the name of a file."""

MOST = 200
"""Names that are shown: more than anyone reads, and a folder may have a million."""


class LineWords:
    """The words for lines. Services are asked for their models when the first name of a model is completed."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._models = client.models()
        self._asking: asyncio.Task[None] | None = None

    def words(self, line: str) -> Iterator[str]:
        """What `line` may be in the end. Must be called in a loop that goes on to run."""
        if line.startswith("/model "):
            if self._asking is None:
                self._asking = asyncio.get_running_loop().create_task(self._ask())
            yield from (f"/model {name}" for name in self._models)
        elif line.startswith("/set "):
            yield from (f"/set {name} " for name in ChatOptions.__annotations__)
        elif command := next((each for each in FILES if line.startswith(each)), ""):
            yield from (f"{command}{name}" for name in _files(line.removeprefix(command)))
        elif line.startswith("/"):
            yield from (f"{name} " if command.argument else name for name, command in COMMANDS.items())

    async def _ask(self) -> None:
        with suppress(DragomanError):
            self._models = await self._client.list_models()


def _files(begun: str) -> Iterator[str]:
    """Files and folders whose names begin so, hidden ones only if that is wanted."""
    folder, name = os.path.split(begun)
    try:
        with os.scandir(Path(folder or ".").expanduser()) as entries:
            found = sorted(
                f"{entry.name}{os.sep if entry.is_dir() else ''}"
                for entry in entries
                if entry.name.startswith(name) and (name.startswith(".") or not entry.name.startswith("."))
            )
    except (OSError, ValueError, RuntimeError):  # no such folder, a name that cannot be one, nobody's home
        return
    yield from (os.path.join(folder, each) for each in found[:MOST])
