"""The event log: how its lines look, and that nobody waits for whoever reads them."""

import logging
import re
import subprocess
import sys

import pytest

from dragoman.gateway.log import FRAMES, Plain, begin
from tests.support.gateway import running
from tests.support.relaying import Translating, configured, post, question


def shown(message: str) -> str:
    """A line of the log."""
    record = logging.LogRecord("dragoman", logging.ERROR, "", 1, "%s", (message,), None)
    return Plain("%(asctime)s %(levelname)s [%(process)d] %(message)s").format(record)


def test_a_line_has_time_level_and_process() -> None:
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z ERROR \[\d+\] it is so", shown("it is so"))


@pytest.mark.parametrize(
    ("text", "harmless"),
    [
        ("\x1b[2J", "\\x1b[2J"),
        ("a\rb", "a\\x0db"),
        ("\x9b1m", "\\x9b1m"),
        ("\u202eevil", "\\u202eevil"),
        ("é\t", "é\t"),
    ],
)
def test_no_word_of_a_service_can_steer_a_terminal(text: str, harmless: str) -> None:
    assert shown(text).endswith(harmless)


def test_a_fault_is_told_without_the_words_of_its_error() -> None:
    def deep(left: int) -> None:
        if not left:
            raise KeyError("key-canary")
        deep(left - 1)

    with pytest.raises(KeyError) as caught:
        deep(50)
    record = logging.LogRecord("asyncio", logging.ERROR, "", 1, "it failed", (), caught._excinfo)
    text = Plain("%(message)s").format(record)
    assert text.startswith("it failed\n")
    assert text.endswith("KeyError")
    assert "canary" not in text.replace('KeyError("key-canary")', "")  # its line of this file is shown
    assert text.count("in deep") <= FRAMES


PROGRAM = """
import logging
from dragoman.gateway.log import begin
begin({level!r})
for number in range({count}):
    logging.getLogger("dragoman.gateway").info("line %d", number)
    logging.getLogger("dragoman.gateway").error("grave")
logging.getLogger("asyncio").error("of the loop")
"""


def run(**settings: object) -> list[str]:
    """What a program of its own writes to stderr."""
    source = PROGRAM.format(**settings)
    done = subprocess.run([sys.executable, "-c", source], capture_output=True, check=True, timeout=30)
    return [line.split("] ")[1] for line in done.stderr.decode().splitlines()]


@pytest.mark.parametrize(
    ("level", "lines"), [("info", ["line 0", "grave", "of the loop"]), ("error", ["grave", "of the loop"])]
)
def test_its_level_says_how_much_is_told(level: str, lines: list[str]) -> None:
    assert run(level=level, count=1) == lines


def test_a_reader_that_does_not_read_stops_nobody() -> None:
    process = subprocess.Popen(
        [sys.executable, "-c", PROGRAM.format(level="info", count=10_000)], stderr=subprocess.PIPE
    )
    try:
        assert process.wait(30) == 0
    finally:
        process.kill()
        process.communicate()


def test_a_program_with_a_log_of_its_own_keeps_it() -> None:
    before = logging.getLogger().handlers.copy()
    begin("error")
    assert logging.getLogger().handlers == before
    assert logging.getLogger("dragoman").level == logging.NOTSET


@pytest.mark.parametrize("stream", [True, False])
async def test_a_target_that_fails_each_request_is_told_once(
    caplog: pytest.LogCaptureFixture, stream: bool, unused_tcp_port: int
) -> None:
    config = configured(f"http://127.0.0.1:{unused_tcp_port}", key="canary")
    for client in (None, Translating(config)):
        caplog.clear()
        async with running(config, client=client) as up:
            for _ in range(5):
                await post(up.url, question("up/m", stream=stream))
        (said,) = [record.getMessage() for record in caplog.records if record.name.startswith("dragoman")]
        assert said.startswith(f"up/m failed: connect_error: 127.0.0.1:{unused_tcp_port}: no connection: ")
