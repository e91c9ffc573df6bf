"""Commands without their output in the documentation: each is run, or it is one that this project has."""

import importlib.util
import json
import re
import shlex
import shutil
import subprocess
import tomllib
from collections.abc import Callable
from http.client import HTTPConnection
from itertools import pairwise
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.cli.shell import PATIENCE, REPOSITORY
from tests.docs.blocks import Block, written_in
from tests.docs.ground import ADDRESS, prepared

IMPORTED = REPOSITORY / "tests" / "cli" / "imports" / "files"
TARGETS = re.compile(r"^([a-z-]+):", re.MULTILINE)


class Ground:
    """Where the commands of one block run, one after another."""

    def __init__(self, block: Block, folder: Path, address: str) -> None:
        self.folder = folder
        self.address = address
        self.environ, self.inherited = prepared(block.page, folder)
        for source, name in (("litellm.yaml", "config.yaml"), ("ccr.json", ".claude-code-router/config.json")):
            (folder / name).parent.mkdir(exist_ok=True)
            shutil.copy(IMPORTED / source, folder / name)
        there = folder / ".config" / "opencode" / "opencode.json"
        there.parent.mkdir(parents=True)
        shutil.copy(IMPORTED / "opencode.json", there)

    def shell(self, line: str) -> None:
        """Runs it. How `serve --check` ends depends on variables that the configuration names: 0 or 3."""
        done = subprocess.run(
            ["sh", "-c", line],
            cwd=self.folder,
            env=self.environ,
            pass_fds=self.inherited,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            check=False,
        )
        assert done.returncode in ({0, 3} if "--check" in line else {0}), done.stderr


def _make(ground: Ground, line: str) -> None:
    words = [word for word in shlex.split(line, comments=True)[1:] if "=" not in word]
    assert set(words) <= set(TARGETS.findall((REPOSITORY / "Makefile").read_text(encoding="utf-8")))


def _python(ground: Ground, line: str) -> None:
    _, option, module, *_ = shlex.split(line, comments=True)
    assert option == "-m"
    assert importlib.util.find_spec(module) is not None


def _pip(ground: Ground, line: str) -> None:
    extras = tomllib.loads((REPOSITORY / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    for named in re.findall(r"\[([a-z,]+)\]", line):
        assert set(named.split(",")) <= set(extras["optional-dependencies"])


def _dragoman(ground: Ground, line: str) -> None:
    # An agent is not installed here: what it would be started with is printed.
    ground.shell(line.replace("dragoman run ", "dragoman run --print ").replace("--output", "--force --output"))


def _curl(ground: Ground, line: str) -> None:
    words = [word for word in shlex.split(line)[1:] if word != "-N"]
    options = dict(pairwise(words))
    url = urlsplit(next(word for word in words if word.startswith("http://")).replace(ADDRESS, ground.address))
    name, _, value = options.get("-H", "content-type: application/json").partition(": ")
    connection = HTTPConnection(url.netloc, timeout=PATIENCE)
    try:
        data = options.get("-d")
        connection.request("POST" if data else "GET", url.path, data, {name: value})
        reply = connection.getresponse()
        assert reply.status == 200, reply.read()
        if reply.headers["content-type"].startswith("application/json"):
            assert json.loads(reply.read()).get("error") is None
    finally:
        connection.close()


RUNNERS: dict[str, Callable[[Ground, str], None]] = {
    "make": _make,
    ".venv/bin/python": _python,
    "python": _python,
    "pip": _pip,
    ".venv/bin/pip": _pip,
    "dragoman": _dragoman,
    "curl": _curl,
    "mkdir": Ground.shell,
    "echo": Ground.shell,
}
"""The first word of a command to what runs it, or sees that it is there."""


@pytest.mark.parametrize("block", written_in("sh"), ids=str)
def test_commands_are_there_and_take_what_they_are_given(block: Block, tmp_path: Path, address: str) -> None:
    ground = Ground(block, tmp_path, address)
    for line in filter(None, block.text.splitlines()):
        RUNNERS[line.split()[0]](ground, line)
