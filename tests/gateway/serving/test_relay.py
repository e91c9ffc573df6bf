"""Relayed and translated: the same bytes of a service, twice through the gateway, say the same to a caller."""

import random
from collections.abc import Mapping

import pytest

from dragoman.config import TimeoutsConfig
from tests.support.golden import cases
from tests.support.relaying import EVENTS, JSON, CallerView, Paths, Script, both_paths, turn
from tests.support.server import Exchange

SEED = 20_261_121
CUTS = 60

WHOLE = frozenset({"whole", "whole-error"})
"""Replies that are JSON; all others are streams."""

APART = frozenset({"bad-event", "reasoning-list"})
"""Two may differ: an event in mid-stream that is no JSON passes a relay untouched, for it is not read; and so does a
part of an answer that we know no word for, which a translation must refuse."""

GOLDEN = {name: case.reply for name, case in cases("openai-chat").items() if name not in APART}

TEXT = GOLDEN["text"]
BEGUN = b'data: {"choices":[{"index":0,"delta":{"role":"assistant","content":"half"}}]}\n\n'
ERROR = b'{"error":{"message":"It is %d.","type":"requests","param":null,"code":null}}'


def pieces(*data: bytes, headers: Mapping[str, str] = EVENTS, status: int = 200, end: bool = True) -> Script:
    """A reply of these pieces, each a read of its own; without `end` the connection closes behind them."""

    async def script(exchange: Exchange) -> None:
        await exchange.head(status, headers)
        for piece in data:
            await exchange.chunk(piece)
            await turn()
        if end:
            await exchange.end()

    return script


def raw(*data: bytes, reset: bool = False) -> Script:
    """These bytes in the place of a reply, then FIN, or RST."""

    async def script(exchange: Exchange) -> None:
        for piece in data:
            await exchange.raw(piece)
            await turn()
        if reset:
            exchange.reset()

    return script


def silent(*data: bytes) -> Script:
    """These bytes, and nothing more until the peer has gone."""

    async def script(exchange: Exchange) -> None:
        for piece in data:
            await exchange.raw(piece)
        await exchange.closed()

    return script


def golden(name: str, *data: bytes) -> Script:
    """A golden reply in pieces, under the type that it has."""
    return pieces(*data, headers=JSON if name in WHOLE else EVENTS)


@pytest.mark.parametrize("stream", [True, False])
async def test_golden_replies_say_the_same(stream: bool) -> None:
    async with both_paths() as both:
        for name, body in GOLDEN.items():
            await check(both, name, golden(name, body), stream=stream)


@pytest.mark.parametrize("stream", [True, False])
async def test_golden_replies_under_the_other_type_say_the_same(stream: bool) -> None:
    async with both_paths() as both:
        for name, body in GOLDEN.items():
            headers = EVENTS if name in WHOLE else JSON
            await check(both, name, pieces(body, headers=headers), stream=stream)


@pytest.mark.parametrize("headers", [EVENTS, JSON])
@pytest.mark.parametrize("stream", [True, False])
async def test_golden_replies_that_come_at_once_say_the_same(stream: bool, headers: Mapping[str, str]) -> None:
    async with both_paths() as both:
        for name, body in GOLDEN.items():

            async def script(exchange: Exchange, body: bytes = body) -> None:
                await exchange.reply(headers=headers, body=body)

            await check(both, name, script, stream=stream)


async def test_golden_replies_say_the_same_however_they_are_cut() -> None:
    rng = random.Random(SEED)
    print(f"seed {SEED}")
    async with both_paths() as both:
        for _ in range(CUTS):
            name = rng.choice(sorted(GOLDEN))
            body = GOLDEN[name]
            at = rng.randrange(1, len(body))
            stream = rng.random() < 0.8
            await check(both, f"{name} cut at {at}", golden(name, body[:at], body[at:]), stream=stream)


async def test_golden_replies_that_break_off_say_the_same() -> None:
    rng = random.Random(SEED)
    print(f"seed {SEED}")
    async with both_paths() as both:
        for _ in range(CUTS):
            name = rng.choice(sorted(GOLDEN))
            at = rng.randrange(len(GOLDEN[name]))
            script = pieces(GOLDEN[name][:at], headers=JSON if name in WHOLE else EVENTS, end=rng.random() < 0.5)
            await check(both, f"{name} broken off at {at}", script, stream=rng.random() < 0.8)


async def check(both: Paths, name: str, script: Script, *, stream: bool) -> CallerView:
    try:
        return await both.compare(script, stream=stream)
    except AssertionError as exc:
        exc.add_note(name)
        raise


HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n"
CHUNKED = HEAD + b"transfer-encoding: chunked\r\n\r\n"
CHUNK = b"%x\r\n%b\r\n" % (len(BEGUN), BEGUN)

REFUSALS: dict[str, tuple[Script, int, str]] = {
    **{
        f"status {status}": (pieces(ERROR % status, status=status, headers=JSON), seen, code)
        for status, seen, code in (
            (400, 400, "invalid_request"),
            (401, 401, "invalid_api_key"),
            (403, 403, "permission_denied"),
            (404, 404, "unknown_path"),
            (422, 422, "invalid_request"),
            (500, 500, "upstream_error"),
            (503, 503, "overloaded"),
            (529, 503, "overloaded"),
        )
    },
    "429, and when to come again": (
        pieces(ERROR % 429, status=429, headers=JSON | {"retry-after": "7"}),
        429,
        "rate_limit_exceeded",
    ),
    "a page": (pieces(b"<html>", headers={"content-type": "text/html"}), 502, "upstream_html"),
    "a page of a failure": (pieces(b"<html>", status=503, headers={"content-type": "text/html"}), 503, "upstream_html"),
    "a page that says it is a stream": (pieces(b"<html>"), 502, "upstream_html"),
    "a page that says it is JSON": (pieces(b"<html>", headers=JSON), 502, "upstream_html"),
    "a redirect": (pieces(b"", status=302, headers={"location": "http://127.0.0.1:1/"}), 502, "upstream_redirect"),
    "an error under 200": (pieces(ERROR % 1, headers=JSON), 429, "rate_limit_exceeded"),
    "an error under 200, as a stream": (pieces(b"data: " + ERROR % 1 + b"\n\n"), 429, "rate_limit_exceeded"),
    "an error behind the role": (
        pieces(BEGUN.replace(b"half", b""), b"data: " + ERROR % 1 + b"\n\n"),
        429,
        "rate_limit_exceeded",
    ),
    "no content": (pieces(b"", status=204, end=False), 502, "truncated"),
    "an empty stream": (pieces(), 502, "truncated"),
    "other JSON": (pieces(b'{"status":"ok"}', headers=JSON), 502, "upstream_bad_event"),
    "no reply": (raw(), 502, "truncated"),
    "a reset": (raw(reset=True), 502, "truncated"),
    "a reset in the head": (raw(HEAD, reset=True), 502, "truncated"),
    "a reset behind the head": (raw(CHUNKED, reset=True), 502, "truncated"),
    "an end behind the head": (raw(CHUNKED), 502, "truncated"),
    "an end before content": (raw(CHUNKED, CHUNK.replace(b"half", b"    ")[:40]), 502, "truncated"),
    "no HTTP": (raw(b"SSH-2.0-OpenSSH_9.2\r\n"), 502, "upstream_bad_event"),
    "a bad chunk": (raw(CHUNKED, b"zz\r\n"), 502, "upstream_bad_event"),
    "a giant head": (raw(HEAD + b"x: " + b"x" * 80_000), 502, "upstream_too_large"),
    "a coding that is none": (pieces(TEXT, headers=EVENTS | {"content-encoding": "rot13"}), 502, "upstream_bad_event"),
    "a coding that lies": (pieces(TEXT, headers=EVENTS | {"content-encoding": "gzip"}), 502, "upstream_bad_event"),
}
"""Replies without an answer, the status that a caller sees, and the code."""


@pytest.mark.parametrize("stream", [True, False])
@pytest.mark.parametrize("name", REFUSALS)
async def test_a_reply_without_an_answer_is_refused_alike(name: str, stream: bool) -> None:
    script, status, code = REFUSALS[name]
    async with both_paths() as both:
        said = await both.compare(script, stream=stream)
        assert (said.status, said.error and said.error[1], said.clean) == (status, code, True)
        wait = "7" if "again" in name else "1"  # a 429 always names a wait
        assert said.retry_after == (wait if status == 429 else None)
        assert (await both.compare(golden("text", TEXT), stream=stream)).status == 200
    assert len(both.service.requests) == 4


BREAKS: dict[str, tuple[Script, str]] = {
    "a reset": (raw(CHUNKED, CHUNK, reset=True), "truncated"),
    "an end without the last chunk": (raw(CHUNKED, CHUNK), "truncated"),
    "an end within an event": (raw(CHUNKED, CHUNK, b"5\r\ndata:\r\n"), "truncated"),
    "a short body": (raw(HEAD + b"content-length: 1000\r\n\r\n", BEGUN), "truncated"),
    "a clean end without the end mark": (pieces(BEGUN), "truncated"),
    "a bad chunk": (raw(CHUNKED, CHUNK, b"zz\r\n"), "upstream_bad_event"),
    "an error": (pieces(BEGUN, b"data: " + ERROR % 1 + b"\n\n"), "rate_limit_exceeded"),
    "an error in the same read": (pieces(BEGUN + b"data: " + ERROR % 1 + b"\n\n"), "rate_limit_exceeded"),
    "an error and the end mark": (
        pieces(BEGUN, b"data: " + ERROR % 1 + b"\n\ndata: [DONE]\n\n"),
        "rate_limit_exceeded",
    ),
    "an error, then more": (pieces(BEGUN, b"data: " + ERROR % 1 + b"\n\n" + BEGUN), "rate_limit_exceeded"),
    "an error in two reads": (
        pieces(BEGUN, b"data: " + (ERROR % 1)[:5], (ERROR % 1)[5:] + b"\n\n"),
        "rate_limit_exceeded",
    ),
}
"""Replies that break off behind `half`, and the code that a caller sees."""


@pytest.mark.parametrize("stream", [True, False])
@pytest.mark.parametrize("name", BREAKS)
async def test_an_answer_that_breaks_off_ends_alike(name: str, stream: bool) -> None:
    script, code = BREAKS[name]
    async with both_paths() as both:
        said = await both.compare(script, stream=stream)
        assert not said.marked
        assert said.error is not None
        if stream:
            assert (said.status, said.clean, said.parts) == (200, True, (("Text", "half"),))
        else:
            assert (said.clean, said.parts, said.error[1]) == (True, (), code)


@pytest.mark.parametrize("stream", [True, False])
@pytest.mark.parametrize(
    ("timeouts", "data"),
    [
        (TimeoutsConfig(first_byte=0.05), ()),
        (TimeoutsConfig(idle=0.05), (HEAD,)),
        (TimeoutsConfig(idle=0.05), (CHUNKED,)),
        # Long enough for what comes first, on a busy machine too.
        (TimeoutsConfig(idle=0.3), (CHUNKED, CHUNK)),
        (TimeoutsConfig(total=0.5), (CHUNKED, CHUNK)),
    ],
)
async def test_a_silence_that_is_too_long_ends_alike(
    timeouts: TimeoutsConfig, data: tuple[bytes, ...], stream: bool
) -> None:
    async with both_paths(timeouts=timeouts) as both:
        said = await both.compare(silent(*data), stream=stream)
        if stream and CHUNK in data:
            assert (said.status, said.clean, said.parts) == (200, True, (("Text", "half"),))
        else:
            assert (said.status, said.error) == (504, ("timeout_error", "timeout"))
        await both.service.peer_closed()
        await both.service.peer_closed()
