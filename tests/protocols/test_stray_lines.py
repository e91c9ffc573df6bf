"""Lines that belong to no event: no relay passes one, in any dialect, however the bytes are cut."""

import pytest

from dragoman.protocols.anthropic.tap import MessageTap
from dragoman.protocols.gemini.tap import GeminiTap
from dragoman.protocols.openai_chat.tap import ChatTap
from dragoman.protocols.openai_responses.tap import ResponsesTap
from dragoman.protocols.streams.sse_tap import SseTap, fields_of
from dragoman.wire.sse import MAX_LINES
from dragoman.wire.utf8 import BOM
from tests.faults.dialects import TEXT, hear, reply
from tests.support.readings import decoded, tapped

TAPS: dict[str, type[SseTap]] = {
    "openai-chat": ChatTap,
    "openai-responses": ResponsesTap,
    "anthropic": MessageTap,
    "gemini": GeminiTap,
}
STRAYS = (b"worker 3 is busy\n", b"worker 3 is busy\n\n", b"worker 3 is busy\r\n\r\n", b"worker 3\r")


@pytest.mark.parametrize("size", [1, 7, 1 << 20])
@pytest.mark.parametrize("stray", STRAYS)
@pytest.mark.parametrize("dialect", TAPS)
def test_no_caller_gets_one(dialect: str, stray: bytes, size: int) -> None:
    passed = _through(TAPS[dialect](), _with(stray, dialect), size)
    assert b"worker" not in passed
    text = hear(dialect, passed, stream=True).text
    # Gemini's last text stands beside the reason to stop, which is not passed after such a line.
    assert text in ("".join(TEXT), "".join(TEXT).removesuffix(" wide."))


@pytest.mark.parametrize("size", [1, 7, 1 << 20])
@pytest.mark.parametrize("stray", [BOM, BOM + b": worker\n\n"])
@pytest.mark.parametrize("dialect", TAPS)
def test_a_byte_order_mark_before_a_line_is_left_out(dialect: str, stray: bytes, size: int) -> None:
    body = _with(stray, dialect)
    passed = _through(TAPS[dialect](), body, size)
    assert BOM not in passed
    assert hear(dialect, passed, stream=True).text == "".join(TEXT)
    assert tapped(dialect, [body])[:5] == decoded(dialect, body)[:5] == decoded(dialect, _with(b"", dialect))[:5]


@pytest.mark.parametrize("before", [b"", b" "])
@pytest.mark.parametrize("size", [1, 1 << 20])
def test_what_gemini_s_decoder_takes_for_an_event_is_one_to_its_callers(size: int, before: bytes) -> None:
    good = reply("gemini", stream=True)
    body = b"".join(before + piece.removeprefix(b"data: ") if at else piece for at, piece in enumerate(good.pieces))
    heard = hear("gemini", _through(GeminiTap(), body, size), stream=True)
    assert (heard.text, heard.ends) == ("".join(TEXT), ["end"])


@pytest.mark.parametrize("dialect", TAPS)
def test_too_many_are_an_error_of_the_service_in_relay_and_translation(dialect: str) -> None:
    body = _with(b"worker 3 is busy\n" * (MAX_LINES + 1), dialect)
    assert tapped(dialect, [body]) == decoded(dialect, body)
    assert tapped(dialect, [body])[1] == "upstream_too_large"


def test_fields_and_comments_stay() -> None:
    event = b": c\nevent: e\nid: 7\nretry: 3\ndata\ndata: x\n\n"
    assert fields_of(event) is event
    assert fields_of(b"odd\n" + event) == event
    assert fields_of(b"database: 1\ndata: x\n\n") == b"data: x\n\n"
    assert fields_of(b"data: x\rodd\n\n") == b"data: x\n\n"
    assert fields_of(b"odd\n\n") == b""
    assert fields_of(BOM + b"data: x\n\n") == b"data: x\n\n"


def _with(stray: bytes, dialect: str) -> bytes:
    """A good stream, with this after its first content."""
    good = reply(dialect, stream=True)
    at = good.first + 1
    return b"".join([*good.pieces[:at], stray, *good.pieces[at:]])


def _through(tap: SseTap, body: bytes, size: int) -> bytes:
    passed = b"".join(tap.feed(body[at : at + size]) for at in range(0, len(body), size))
    return passed if tap.done or tap.error is not None else passed + tap.finish()
