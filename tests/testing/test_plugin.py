"""The fixture, as docs/testing.md shows it: recorded over a socket, then played without one."""

import asyncio
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from dragoman.testing import CassetteFile
from tests.cli.shell import PATIENCE
from tests.docs.blocks import written_in
from tests.support.server import Exchange, serve

ANSWER = {
    "id": "1",
    "object": "chat.completion",
    "created": 1,
    "model": "gpt-4o-mini",
    "choices": [{"index": 0, "message": {"role": "assistant", "content": "Two words."}, "finish_reason": "stop"}],
}
NAMED = re.compile(r"# (\w+\.py)\n")


async def answer(exchange: Exchange) -> None:
    await exchange.reply(headers={"content-type": "application/json"}, body=json.dumps(ANSWER).encode())


def examples() -> list[str]:
    """The page's Python."""
    return [block.text for block in written_in("python") if block.page == "docs/testing.md"]


def write_examples(place: Path, url: str) -> None:
    """The page's files, with the address of a service that is there."""
    for block in examples():
        if named := NAMED.match(block):
            (place / named[1]).write_text(block.replace("http://127.0.0.1:9001", url))
    assert {"conftest.py", "test_summary.py"} <= {path.name for path in place.iterdir()}
    assert url in (place / "test_summary.py").read_text()


async def run(place: Path, *options: str) -> tuple[int, str]:
    words = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "-p",
        "no:cacheprovider",
        "--rootdir",
        str(place),
        *options,
        str(place),
    ]
    environ = {**os.environ, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}  # those of our own tests
    process = await asyncio.create_subprocess_exec(
        *words, cwd=place, env=environ, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )
    async with asyncio.timeout(PATIENCE):
        said, _ = await process.communicate()
    return process.returncode or 0, said.decode()


async def test_the_examples_record_once_and_then_play(tmp_path: Path) -> None:
    file = tmp_path / "cassettes" / "test_summary" / "test_summarises.json"
    async with serve(answer) as server:
        write_examples(tmp_path, server.url)
        code, said = await run(tmp_path, "--dragoman-record=none")
        assert (code, len(server.requests)) == (1, 0), said
        assert "there is no cassette with POST /v1/chat/completions: record one first" in said
        code, said = await run(tmp_path)
        assert (code, len(server.requests)) == (0, 1), said
        recorded = file.read_text()
        assert file.stat().st_mode & 0o777 == 0o600
        code, said = await run(tmp_path, "--dragoman-record=all")
        assert (code, len(server.requests)) == (0, 2), said
        file.write_text(recorded)
    for options in ((), ("--dragoman-record=none",)):
        code, said = await run(tmp_path, *options)
        assert code == 0, said
    assert file.read_text() == recorded


async def test_the_first_example_plays_what_it_recorded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    names: dict[str, object] = {}
    exec(examples()[0], names)  # noqa: S102  # our own page
    summarise = names["summarise"]
    assert callable(summarise)
    async with serve(answer) as server:
        entry = f'[providers.up]\nprotocol = "openai-chat"\nurl = "{server.url}/v1"\napi_key = "sk-0123456789"\n'
        (tmp_path / "dragoman.toml").write_text(entry)
        assert await summarise("two words", "a.json") == "Two words."
    assert await summarise("two words", "a.json") == "Two words."
    assert "sk-0123456789" not in (tmp_path / "a.json").read_text()


def test_importing_the_package_does_not_import_pytest() -> None:
    code = "import dragoman.testing, sys; sys.exit('pytest' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False, timeout=PATIENCE).returncode == 0


@pytest.mark.parametrize(
    ("name", "file"),
    [
        ("test_a", "test_a.json"),
        ("test_a[x-1.5]", r"test_a-x-1.5-\w{8}.json"),
        ("test_a[../../x]", r"test_a-..-..-x-\w{8}.json"),
        ("test_" + "a" * 300, r"test_a{95}-\w{8}.json"),
    ],
)
def test_each_test_has_a_file_of_its_own(name: str, file: str) -> None:
    made = CassetteFile.of_test(Path("/tests/test_m.py"), name, "once").path
    assert made.parent == Path("/tests/cassettes/test_m")
    assert re.fullmatch(file, made.name)


def test_names_that_look_alike_have_other_files() -> None:
    files = {CassetteFile.of_test(Path("/t.py"), name, "once").path for name in ("t[a/b]", "t[a:b]", "t-a-b")}
    assert len(files) == 3


IN_CLASSES = """
class TestOne:
    def test_path(self, dragoman_cassette):
        assert dragoman_cassette.path.name == "TestOne.test_path.json"

    class TestInner:
        def test_path(self, dragoman_cassette):
            assert dragoman_cassette.path.name == "TestOne.TestInner.test_path.json"
"""


async def test_tests_of_one_name_in_two_classes_have_a_file_each(tmp_path: Path) -> None:
    (tmp_path / "conftest.py").write_text('pytest_plugins = ["dragoman.testing.plugin"]')
    (tmp_path / "test_classes.py").write_text(IN_CLASSES)
    status, words = await run(tmp_path)
    assert (status, "2 passed" in words) == (0, True), words
