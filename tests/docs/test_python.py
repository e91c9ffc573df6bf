"""Python in the documentation runs, and prints what the page says."""

import ast
import asyncio
import inspect
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.shell import PATIENCE
from tests.docs.blocks import Block, blocks, read, written_in
from tests.docs.ground import ADDRESS, prepared
from tests.support.server import Exchange, serve

SITE = "http://127.0.0.1:3000"
"""A chat site of one's own; it must be there, so that such a block has a test of its own."""

LIBRARY = "docs/library.md"
"""A page whose examples are one session."""

HEADING = re.compile(r"^#{2,} (.+)$", re.MULTILINE)

EXAMPLES = [block for block in written_in("python") if SITE not in block.text and block.page != LIBRARY]
RUN = """
import ast, asyncio, inspect, sys
code = compile(sys.stdin.read(), "example", "exec", ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
running = eval(code, {"__name__": "__main__"})
if inspect.isawaitable(running):
    asyncio.run(running)
"""
"""Runs an example, which may await at its top level, as Python's own asyncio shell lets it."""


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


def ran(block: Block, code: str, folder: Path, how: str = RUN) -> str:
    """What `code` prints in a folder with what the page of `block` assumes."""
    environ, inherited = prepared(block.page, folder)
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", how],
        input=code,
        capture_output=True,
        text=True,
        cwd=folder,
        env=environ,
        pass_fds=inherited,
        timeout=PATIENCE,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize("block", EXAMPLES, ids=str)
def test_an_example_runs_and_prints_what_its_page_says(block: Block, tmp_path: Path, address: str) -> None:
    printed = ran(block, block.text.replace(ADDRESS, address), tmp_path)
    if block.output is not None:
        assert printed == block.output


def test_the_examples_of_the_library_print_what_the_page_says(tmp_path: Path) -> None:
    examples = [block for block in blocks(LIBRARY) if block.language == "python"]
    printed = json.loads(ran(examples[0], json.dumps([block.text for block in examples]), tmp_path, SESSION))
    assert printed == [block.output or "" for block in examples]


def test_each_heading_of_the_library_has_an_example() -> None:
    parts = HEADING.split(read(LIBRARY))[1:]
    assert parts
    assert [name for name, text in zip(parts[::2], parts[1::2], strict=True) if "```python\n" not in text] == []


def test_the_loop_of_the_readme_prints_the_answer_and_nothing_else(tmp_path: Path) -> None:
    first = next(block for block in EXAMPLES if block.page == "README.md")
    said = '"offline/echo", "Two words"'
    assert said in first.text
    script = r'"offline/script", "reasoning: secret thoughts\ntext: Two words\ntool: f {}"'
    assert ran(first, first.text.replace(said, script), tmp_path) == first.output


@pytest.mark.parametrize("block", [block for block in written_in("python") if SITE in block.text], ids=str)
async def test_a_founding_class_reads_its_site(block: Block) -> None:
    async def answer(exchange: Exchange) -> None:
        await exchange.reply(headers={"content-type": "text/plain"}, body="Здравствуй!".encode())

    async with serve(answer) as server:
        texts: list[str] = []
        names = {"print": lambda text, end: texts.append(text + end)}
        code = compile(block.text.replace(SITE, server.url), block.page, "exec", ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
        running = eval(code, names)  # noqa: S307  # our own documentation
        assert inspect.isawaitable(running)
        async with asyncio.timeout(PATIENCE):
            await running
    assert "".join(texts) == "Здравствуй!"
