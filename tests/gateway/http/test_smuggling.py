"""Requests on whose end two servers might disagree: refused with all behind them, or read as h11 reads them."""

import h11
import pytest

from dragoman.wire import json
from tests.support.gateway import Got, chat_body, running_gateway
from tests.support.raw import LAST, LIVE, chunked, post, talk

BODY = chat_body("text: hi", "offline/echo")
SIZE = b"%d" % len(BODY)
SIZED = post(BODY)
CHUNKED = chunked(BODY, size=1000)
GET = LIVE[: -len(b"\r\n")]


def sized(*lines: bytes) -> bytes:
    """A question whose length is said by `lines`."""
    return b"\r\n".join([b"POST /v1/chat/completions HTTP/1.1", b"Host: localhost", *lines, b"", BODY])


def coded(*lines: bytes) -> bytes:
    """A question in one chunk, as said by `lines`."""
    return CHUNKED.replace(b"Transfer-Encoding: chunked", b"\r\n".join(lines))


def framed(old: bytes, new: bytes) -> bytes:
    """A question in one chunk, with `new` in the place of `old` in its body."""
    head, _, body = CHUNKED.partition(b"\r\n\r\n")
    assert old in body
    return head + b"\r\n\r\n" + body.replace(old, new)


HEX = b"%x\r\n" % len(BODY)
END = b"0\r\n\r\n"

REFUSED: dict[str, bytes] = {
    "a length and chunks": coded(b"Content-Length: 5", b"Transfer-Encoding: chunked"),
    "chunks and a length": coded(b"Transfer-Encoding: chunked", b"Content-Length: 5"),
    "chunks and a length of the whole": coded(b"Transfer-Encoding: chunked", b"Content-Length: " + SIZE),
    "two lengths": sized(b"Content-Length: " + SIZE, b"Content-Length: 5"),
    "one length twice": sized(b"Content-Length: " + SIZE, b"Content-Length: " + SIZE),
    "a list of lengths": sized(b"Content-Length: %b, %b" % (SIZE, SIZE)),
    "a signed length": sized(b"Content-Length: +" + SIZE),
    "a negative length": sized(b"Content-Length: -1"),
    "a hexadecimal length": sized(b"Content-Length: 0x10"),
    "a length with a space in it": sized(b"Content-Length: 1 0"),
    "an empty length": sized(b"Content-Length:"),
    "a length that overflows": sized(b"Content-Length: 18446744073709551617"),
    "a length on a folded line": sized(b"Content-Length:", b" " + SIZE),
    "an unknown coding": coded(b"Transfer-Encoding: xchunked"),
    "no coding": coded(b"Transfer-Encoding: identity"),
    "a coding before chunks": coded(b"Transfer-Encoding: gzip, chunked"),
    "a coding behind chunks": coded(b"Transfer-Encoding: chunked, gzip"),
    "chunks twice": coded(b"Transfer-Encoding: chunked, chunked"),
    "two codings": coded(b"Transfer-Encoding: chunked", b"Transfer-Encoding: identity"),
    "two codings, chunks last": coded(b"Transfer-Encoding: gzip", b"Transfer-Encoding: chunked"),
    "a quoted coding": coded(b'Transfer-Encoding: "chunked"'),
    "a coding behind a vertical tab": coded(b"Transfer-Encoding: \x0bchunked"),
    "a coding on a folded line": coded(b"Transfer-Encoding:", b" chunked"),
    "an empty coding": coded(b"Transfer-Encoding:"),
    "a coding with a parameter": coded(b"Transfer-Encoding: chunked;q=1"),
    "a space before the colon of a coding": coded(b"Transfer-Encoding : chunked"),
    "a coding in HTTP/1.0": CHUNKED.replace(b"HTTP/1.1", b"HTTP/1.0"),
    "a space before a colon": GET.replace(b"Host:", b"Host :") + b"\r\n",
    "a tab before a colon": GET + b"X\t: a\r\n\r\n",
    "a folded line": GET + b"X: a\r\n b\r\n\r\n",
    "a folded line with a tab": GET + b"X: a\r\n\tb\r\n\r\n",
    "a folded line at first": LIVE.replace(b"Host", b" Host"),
    "line feeds alone": LIVE.replace(b"\r\n", b"\n"),
    "one line feed alone": GET + b"X: a\nY: b\r\n\r\n",
    "a line feed alone at the end": GET + b"\n",
    "a carriage return alone": GET + b"X: a\rY: b\r\n\r\n",
    "a carriage return too many": GET + b"\r\r\n",
    "a carriage return behind a value": GET + b"X: a\r\r\n\r\n",
    "a NUL in a value": GET + b"X: a\0b\r\n\r\n",
    "a NUL in a name": GET + b"X\0: a\r\n\r\n",
    "a NUL in the target": LIVE.replace(b"/live", b"/\0live"),
    "a control character in a value": GET + b"X: a\x01b\r\n\r\n",
    "a line without a colon": GET + b"X\r\n\r\n",
    "a line without a name": GET + b": a\r\n\r\n",
    "a name that is none": GET + b"X(a): a\r\n\r\n",
    "a space in the target": LIVE.replace(b"/live", b"/li ve"),
    "a byte beyond ASCII in the target": LIVE.replace(b"/live", b"/\xff"),
    "a target that is none": LIVE.replace(b"/health/live", b"health"),
    "tabs in the request line": LIVE.replace(b"GET /health/live", b"GET\t/health/live"),
    "a space behind the version": LIVE.replace(b"HTTP/1.1", b"HTTP/1.1 "),
    "a method in lower case": LIVE.replace(b"GET", b"get"),
    "a version in lower case": LIVE.replace(b"HTTP", b"http"),
    "a version that is none": LIVE.replace(b"1.1", b"1.2"),
    "a version with too many digits": LIVE.replace(b"1.1", b"1.10"),
    "HTTP/0.9": b"GET /health/live\r\n\r\n",
    "HTTP/0.9 by its number": LIVE.replace(b"1.1", b"0.9"),
    "HTTP/2 by its number": LIVE.replace(b"1.1", b"2.0"),
    "HTTP/2 by its preface": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "TLS": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    "no host": b"GET /health/live HTTP/1.1\r\n\r\n",
    "two hosts": GET + b"Host: localhost\r\n\r\n",
    "a chunk without its end": framed(b"\r\n0\r\n", b"XX0\r\n"),
    "a chunk that ends with a line feed": framed(b"\r\n0\r\n", b"\n0\r\n"),
    "a chunk longer than it says": framed(HEX, b"%x\r\n" % (len(BODY) - 1)),
    "a size that ends with a line feed": framed(HEX, HEX.replace(b"\r", b"")),
    "line feeds at the end": framed(END, b"0\n\n"),
    "a prefixed size": framed(HEX, b"0x" + HEX),
    "a signed size": framed(HEX, b"+" + HEX),
    "a negative size": framed(HEX, b"-" + HEX),
    "a size with a space behind": framed(HEX, HEX.replace(b"\r", b" \r")),
    "a size that overflows": framed(HEX, b"1" + b"0" * 15 + HEX),
    "an empty size": framed(HEX, b"\r\n"),
    "an extension with a line feed": framed(HEX, HEX.replace(b"\r", b";\n\r")),
    "an extension that hides a line": framed(HEX, HEX.replace(b"\r", b";a\rb\r")),
    "a length in a trailer": framed(END, b"0\r\nContent-Length: 5\r\n\r\n"),
    "a coding in a trailer": framed(END, b"0\r\nTransfer-Encoding: chunked\r\n\r\n"),
    "a trailer that is none": framed(END, b"0\r\nX\r\n\r\n"),
}
"""Each is answered with a 400 at most, and nothing behind it with anything."""

READ: dict[str, bytes] = {
    "a length": SIZED,
    "chunks": CHUNKED,
    "a coding in capitals": coded(b"Transfer-Encoding: CHUNKED"),
    "a coding behind a tab": coded(b"Transfer-Encoding:\tchunked "),
    "a length with spaces around": sized(b"Content-Length:  %b " % SIZE),
    "a name that only looks like a length": GET + b"Content_Length: 5\r\n\r\n",
    "a length of zero": GET + b"Content-Length: 0\r\n\r\n",
    "a GET with a body": GET + b"Content-Length: 70\r\n\r\n" + LIVE + b" " * (70 - len(LIVE)),
    "an extension": framed(HEX, HEX.replace(b"\r", b";a=b\r")),
    "a quoted extension": framed(HEX, HEX.replace(b"\r", b';a="b;c"\r')),
    "zeros before a size": framed(HEX, b"000" + HEX),
    "a trailer": framed(END, b"0\r\nX: y\r\n\r\n"),
    "a value beyond ASCII": GET + b"X: \xff\r\n\r\n",
}
"""Each is read as one request, and what is behind it as the next: by h11 too."""


def read_by_h11(data: bytes) -> int:
    """The number of whole requests that h11 reads in `data`."""
    number = 0
    parser = h11.Connection(h11.SERVER)
    parser.receive_data(data)
    while parser.their_state is not h11.ERROR:
        try:
            event = parser.next_event()
        except h11.RemoteProtocolError:
            break
        if isinstance(event, h11.EndOfMessage):
            number += 1
            parser.send(h11.Response(status_code=200, headers=[("content-length", "0")]))
            parser.send(h11.EndOfMessage())
            if parser.our_state is not h11.DONE or parser.their_state is not h11.DONE:
                break
            parser.start_next_cycle()
        elif event is h11.NEED_DATA or event is h11.PAUSED:
            break
    return number


def broken(got: Got) -> bool:
    """Whether it was said that what came is no HTTP."""
    return got.status == 400 and json.decode_event(got.body)["error"]["code"] == "bad_http"


@pytest.mark.parametrize("name", REFUSED)
async def test_a_request_that_ends_nobody_knows_where_is_refused_with_all_behind(name: str) -> None:
    async with running_gateway() as url:
        got = await talk(url, REFUSED[name] + LIVE + LAST)
        alone = await talk(url, LIVE + REFUSED[name] + LIVE + LAST)
    assert [broken(each) for each in got] == [True]
    assert got[0].headers["connection"] == "close"
    assert [each.status for each in alone] in ([200, 400], [200])


@pytest.mark.parametrize(
    "name",
    [
        "a length and chunks",
        "a chunk without its end",
        "line feeds alone",
        "a folded line",
    ],
)
async def test_it_is_refused_however_it_is_cut(name: str) -> None:
    request = REFUSED[name]
    async with running_gateway() as url:
        for at in range(1, len(request)):
            got = await talk(url, request[:at], request[at:] + LIVE)
            assert [broken(each) for each in got] == [True], at


@pytest.mark.parametrize(("one", "two"), [(b"GET /", b"GET  /"), (b" HTTP", b"  HTTP")])
async def test_two_blanks_between_words_are_none_of_http(one: bytes, two: bytes) -> None:
    request = LIVE.replace(one, two)
    async with running_gateway() as url:
        for pieces in ((request,), (request[:4], request[4:]), (request[:20], request[20:]), (b"\r\n", request)):
            assert [broken(got) for got in await talk(url, *pieces)] == [True], pieces
            assert [broken(got) for got in await talk(url, LIVE, *pieces)] == [False, True], pieces


@pytest.mark.parametrize("name", READ)
async def test_a_request_whose_end_is_clear_is_one(name: str) -> None:
    data = READ[name] + LAST
    async with running_gateway() as url:
        got = await talk(url, data)
    assert [each.status for each in got] == [200, 200]
    assert read_by_h11(data) == 2


async def test_an_answer_under_way_ends_before_the_connection_does() -> None:
    slow = post(chat_body("text: a\ndelay: 0.02\ntext: b", stream=True))
    async with running_gateway() as url:
        for junk in (b"\0", LIVE.replace(b"\r\n", b"\n"), framed(END, b"x"), CHUNKED[:-1] + b"x"):
            got = await talk(url, slow + junk + LIVE)
            assert [(each.status, each.clean) for each in got] == [(200, True), (400, True)]
            assert got[0].body.endswith(b"data: [DONE]\n\n")
            assert broken(got[1])
            assert got[1].headers["connection"] == "close"


async def test_a_refused_request_that_breaks_is_refused_once() -> None:
    request = framed(b"\r\n0\r\n", b"XX0\r\n").replace(b"/v1/chat/completions", b"/nothing")
    async with running_gateway() as url:
        got = await talk(url, request + LIVE)
    assert [each.status for each in got] == [404]
