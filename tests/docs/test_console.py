"""Commands with their output, as a shell shows them, print just that."""

import asyncio
import re
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from msgspec import Struct

from dragoman.providers.offline.script import DIRECTIVES
from tests.cli.shell import PATIENCE
from tests.docs.blocks import Block, read, written_in
from tests.docs.ground import prepared

EXIT = re.compile(r"\[exit (\d+)\]\n\Z")
INTERRUPT = "^C"
"""Where Ctrl-C is pressed: once what stands before it is printed."""

SERVES = "$ dragoman serve"
"""The one command that does not end by itself."""


class Command(Struct, frozen=True):
    """What is typed, and all that is then printed."""

    typed: str
    printed: str
    code: int


def commands(block: Block) -> Iterator[Command]:
    """What stands behind `$`, with further lines behind `>`, and below it the output, as a shell shows them."""
    for said in f"\n{block.text}".split("\n$ ")[1:]:
        lines = said.rstrip("\n").split("\n")
        more = next((i for i, line in enumerate(lines[1:], 1) if not line.startswith("> ")), len(lines))
        typed = "\n".join([lines[0], *(line[2:] for line in lines[1:more])])
        printed = "".join(f"{line}\n" for line in lines[more:])
        found = EXIT.search(printed)
        yield Command(typed, printed[: found.start()] if found else printed, int(found[1]) if found else 0)


SESSIONS = [block for block in written_in("console") if not block.text.startswith(SERVES)]


@pytest.mark.parametrize("block", SESSIONS, ids=str)
async def test_commands_print_what_the_page_says(block: Block, tmp_path: Path) -> None:
    environ, inherited = prepared(block.page, tmp_path)
    for command in commands(block):
        printed, code = await run(command, tmp_path, environ, inherited)
        assert printed.rstrip("\n") == command.printed.replace(INTERRUPT, "").rstrip("\n"), command.typed
        assert code == command.code, command.typed


async def run(
    command: Command, folder: Path, environ: dict[str, str], inherited: tuple[int, ...]
) -> tuple[str, int | None]:
    """What the command prints, and how it ends, if Ctrl-C is pressed where the page says so."""
    before, interrupt, _ = command.printed.partition(INTERRUPT)
    process = await asyncio.create_subprocess_exec(
        "sh",
        "-c",
        f"exec {command.typed}" if interrupt else command.typed,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        cwd=folder,
        env=environ,
        pass_fds=inherited,
    )
    async with asyncio.timeout(PATIENCE):
        assert process.stdout
        printed = b""
        if interrupt:
            printed = await process.stdout.readexactly(len(before.encode()))
            process.send_signal(signal.SIGINT)
        printed += (await process.communicate())[0]
    return printed.decode(), process.returncode


def test_every_directive_of_the_script_has_a_row_and_an_example() -> None:
    rows = re.findall(r"^\| (`.*?) \|", read("docs/offline.md"), re.MULTILINE)
    named = {re.match(r"\w+:?", name)[0] for row in rows for name in re.findall(r"`([^`]+)`", row)}  # type: ignore[index]  # each begins with a word
    assert set(DIRECTIVES) <= named
    pages = [block for block in written_in("console") if block.page == "docs/offline.md"]
    typed = "\n".join(command.typed for block in pages for command in commands(block))
    for directive in DIRECTIVES:
        assert re.search(rf"(?:^|['\s]){directive}(?:\s|'|$)", typed), directive
