"""What the documentation shows is what happens: its commands are run, and its Python."""

import ast
import asyncio
import inspect
import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from msgspec import Struct

from dragoman.providers.offline.script import DIRECTIVES
from tests.cli.shell import PATIENCE, REPOSITORY, environment
from tests.support.server import Exchange, serve

BLOCK = re.compile(r"^(`{3,})(\w+)\n(.*?)^\1$", re.DOTALL | re.MULTILINE)
EXIT = re.compile(r"\[exit (\d+)\]\n\Z")
INTERRUPT = "^C"
"""Where Ctrl-C is pressed: once what stands before it is printed."""

SERVES = "dragoman serve"
"""The one command that does not end by itself."""


class Command(Struct, frozen=True):
    """What is typed, and all that is then printed."""

    typed: str
    printed: str
    code: int


def page(name: str) -> str:
    return (REPOSITORY / name).read_text(encoding="utf-8")


def blocks(name: str, language: str) -> list[str]:
    """The page's blocks in that language."""
    return [found[3] for found in BLOCK.finditer(page(name)) if found[2] == language]


def commands(name: str) -> Iterator[Command]:
    """What stands behind `$`, with further lines behind `>`, and below it the output, as a shell shows them."""
    for block in blocks(name, "console"):
        for said in f"\n{block}".split("\n$ ")[1:]:
            lines = said.rstrip("\n").split("\n")
            more = next((i for i, line in enumerate(lines[1:], 1) if not line.startswith("> ")), len(lines))
            typed = "\n".join([lines[0], *(line[2:] for line in lines[1:more])])
            printed = "".join(f"{line}\n" for line in lines[more:])
            found = EXIT.search(printed)
            yield Command(typed, printed[: found.start()] if found else printed, int(found[1]) if found else 0)


PAGES = ("README.md", "docs/cli.md", "docs/offline.md")
COMMANDS = [(name, command) for name in PAGES for command in commands(name) if command.typed != SERVES]


@pytest.mark.parametrize(("name", "command"), COMMANDS, ids=[f"{name}-{i}" for i, (name, _) in enumerate(COMMANDS)])
async def test_a_command_prints_what_the_page_says(name: str, command: Command, tmp_path: Path) -> None:
    binary = tmp_path / "bin" / "dragoman"
    binary.parent.mkdir()
    binary.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m dragoman "$@"\n')
    binary.chmod(0o755)
    before, interrupt, _ = command.printed.partition(INTERRUPT)
    process = await asyncio.create_subprocess_exec(
        "sh",
        "-c",
        f"exec {command.typed}" if interrupt else command.typed,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        cwd=tmp_path,
        env=environment(tmp_path, {"PATH": f"{binary.parent}:{os.environ['PATH']}"}),
    )
    async with asyncio.timeout(PATIENCE):
        assert process.stdout
        printed = b""
        if interrupt:
            printed = await process.stdout.readexactly(len(before.encode()))
            process.send_signal(signal.SIGINT)
        printed += (await process.communicate())[0]
    assert printed.decode().rstrip("\n") == before.rstrip("\n"), command.typed
    assert process.returncode == command.code, command.typed


def test_every_directive_of_the_script_has_a_row_and_an_example() -> None:
    rows = re.findall(r"^\| (`.*?) \|", page("docs/offline.md"), re.MULTILINE)
    named = {re.match(r"\w+:?", name)[0] for row in rows for name in re.findall(r"`([^`]+)`", row)}  # type: ignore[index]  # each begins with a word
    assert set(DIRECTIVES) <= named
    typed = "\n".join(command.typed for command in commands("docs/offline.md"))
    for directive in DIRECTIVES:
        assert re.search(rf"(?:^|['\s]){directive}(?:\s|'|$)", typed), directive


def test_the_first_example_in_python_prints_what_the_readme_says() -> None:
    code, printed = (
        blocks("README.md", "python")[0],
        page("README.md").partition("asyncio.run(main())\n```\n\n```\n")[2],
    )
    assert _run(code) == printed.partition("```")[0]


def test_the_loop_of_the_readme_prints_the_answer_and_nothing_else() -> None:
    code = blocks("README.md", "python")[0]
    said = '"offline/echo", "Two words"'
    assert said in code
    script = r'"offline/script", "reasoning: secret thoughts\ntext: Two words\ntool: f {}"'
    assert _run(code.replace(said, script)) == _run(code)


LIBRARY = "docs/library.md"
EXAMPLE = re.compile(r"^```python\n(.*?)^```$(?:\n\n```\n(.*?)^```$)?", re.DOTALL | re.MULTILINE)
HEADING = re.compile(r"^#{2,} (.+)$", re.MULTILINE)

SESSION = """
import ast, asyncio, contextlib, inspect, io, json, sys

async def main():
    names, printed = {"__name__": "__main__"}, []
    for code in json.load(sys.stdin):
        out = io.StringIO()
        with contextlib.redirect_stdout(out):
            running = eval(compile(code, "library.md", "exec", ast.PyCF_ALLOW_TOP_LEVEL_AWAIT), names)
            if inspect.isawaitable(running):
                await running
        printed.append(out.getvalue())
    print(json.dumps(printed))

asyncio.run(main())
"""
"""Runs blocks of Python one after another, as one session of `python -m asyncio` does."""


def test_the_examples_of_the_library_print_what_the_page_says() -> None:
    examples = [(found[1], found[2] or "") for found in EXAMPLE.finditer(page(LIBRARY))]
    assert len(examples) == len(blocks(LIBRARY, "python"))
    printed = json.loads(_run(SESSION, json.dumps([code for code, _ in examples])))
    for (code, expected), said in zip(examples, printed, strict=True):
        assert said == expected, code


def test_each_heading_of_the_library_has_an_example() -> None:
    parts = HEADING.split(page(LIBRARY))[1:]
    without = [heading for heading, text in zip(parts[::2], parts[1::2], strict=True) if not EXAMPLE.search(text)]
    assert not without


async def test_the_founding_class_of_the_readme_reads_its_site() -> None:
    async def answer(exchange: Exchange) -> None:
        await exchange.reply(headers={"content-type": "text/plain"}, body="Здравствуй!".encode())

    (code,) = blocks("README.md", "python")[1:]
    async with serve(answer) as server:
        host = "http://127.0.0.1:3000"
        assert host in code
        texts: list[str] = []
        names = {"print": lambda text, end: texts.append(text + end)}
        compiled = compile(code.replace(host, server.url), "README.md", "exec", ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
        running = eval(compiled, names)  # noqa: S307  # our own README
        assert inspect.isawaitable(running)
        async with asyncio.timeout(PATIENCE):
            await running
    assert "".join(texts) == "Здравствуй!"


def _run(code: str, said: str = "") -> str:
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        input=said.encode(),
        env=environment(Path("/nowhere")),
        timeout=PATIENCE,
        check=True,
    )
    return done.stdout.decode()
