"""What a person types, and what must be printed: the files in commands/."""

import asyncio
import os
import re
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from msgspec import Struct

from tests.cases.page import Block, Page, cases, read
from tests.cases.service import ROLES, Service, services
from tests.cli.shell import PATIENCE, environment, install
from tests.support.server import serve

NONE = frozenset[str]()
COMMANDS = {"toml dragoman.toml": frozenset({"name"}), "sh env": NONE, **ROLES, "console": NONE}
PROMPT = "$ "
EXIT = re.compile(r"\[exit (\d+)\]")
ANYTHING = "…"
"""Within a line: any characters; as a line: any lines."""
NAMES = frozenset({"", "found"})


class Command(Struct, frozen=True):
    """A line that is typed, and what it prints, to either output."""

    line: str
    output: str
    code: int


@pytest.mark.parametrize("path", cases("commands"), ids=lambda path: path.stem)
async def test_a_command_prints_what_it_should(path: Path, tmp_path: Path) -> None:
    page = read(path, COMMANDS)
    typed = [command for block in page.all("console") for command in _commands(page, block)]
    if not typed:
        raise page.error(1, "expected a block `console` with a command, got none")
    async with _service(page) as url:
        env, inherited = _prepare(page, tmp_path, url)
        for command in typed:
            code, printed = await _run(command.line.replace("{service}", url), tmp_path, env, inherited)
            printed = printed.replace(url, "{service}")
            assert re.fullmatch(_pattern(command.output), printed), (
                f"{page.title}\n$ {command.line}\n--- expected\n{command.output}--- got\n{printed}"
            )
            assert code == command.code, f"{page.title}\n$ {command.line}\nexpected exit {command.code}, got {code}"


def _commands(page: Page, block: Block) -> Iterator[Command]:
    first, *rest = f"\n{block.text}".split(f"\n{PROMPT}")
    if first.strip():
        raise page.error(block.line, f"expected a line that begins with {PROMPT!r}, got {first.strip()!r}")
    for said in rest:
        line, _, output = said.partition("\n")
        body, _, last = output.rstrip("\n").rpartition("\n")
        found = EXIT.fullmatch(last)
        printed = (body if found else output.removesuffix("\n")) or ""
        yield Command(line, f"{printed}\n" if printed else "", int(found[1]) if found else 0)


def _prepare(page: Page, folder: Path, url: str) -> tuple[dict[str, str], tuple[int, ...]]:
    """The folder with what the case has in it; the environment of its commands, and what they inherit."""
    binary = folder / "bin" / "dragoman"
    home = folder / "home"
    home.mkdir()
    env = environment(home, {"PATH": f"{binary.parent}:{os.environ['PATH']}"})
    if (path := os.environ.get("PYTHONPATH")) is not None:
        env["PYTHONPATH"] = path
    if block := page.one("sh env"):
        env |= dict(line.split("=", 1) for line in block.text.splitlines())
    if block := page.one("toml dragoman.toml"):
        if block.name not in NAMES:
            raise page.error(block.line, f"expected nothing or `found`, got {block.name}")
        (folder / "dragoman.toml").write_text(block.text.replace("{service}", url))
        if not block.name:
            env["DRAGOMAN_CONFIG"] = "dragoman.toml"
    return env, install(binary, env)


@asynccontextmanager
async def _service(page: Page) -> AsyncIterator[str]:
    answers = services(page)
    if not answers:
        yield "{service}"
        return
    async with serve(Service(answers)) as service:
        yield service.url


async def _run(line: str, folder: Path, env: dict[str, str], inherited: tuple[int, ...]) -> tuple[int, str]:
    process = await asyncio.create_subprocess_shell(
        line,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        cwd=folder,
        env=env,
        pass_fds=inherited,
    )
    async with asyncio.timeout(PATIENCE):
        printed, _ = await process.communicate()
    assert process.returncode is not None
    return process.returncode, printed.decode()


def _pattern(output: str) -> re.Pattern[str]:
    lines = ["(?:.*\n)*" if line == ANYTHING else f"{_line(line)}\n" for line in output.splitlines()]
    return re.compile("".join(lines))


def _line(line: str) -> str:
    return ".*".join(re.escape(part) for part in line.split(ANYTHING))
