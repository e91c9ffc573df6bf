"""A head that was read before is not parsed again: nobody can tell, whatever comes and however it is cut."""

import asyncio
import random
import re
from collections.abc import Iterator, Sequence
from itertools import pairwise

import pytest

from dragoman.gateway.http.application import ServerContext
from dragoman.gateway.http.connection import ServerConnection
from dragoman.gateway.http.head_cache import MAX_HEAD, MAX_HEADS, CachedHead, HeadCache
from dragoman.gateway.http.request_limits import RequestLimits
from dragoman.gateway.http.timeouts import ServerTimeouts
from dragoman.types import Identity, Outcome, ServerRequest
from tests.support.echo import ADMITTED, Echo, Pipe, Rules

ASKS = Identity("0123abcd", known=True)
BEGUN = Outcome("id", "POST", "/chat", 0.0, identity=ASKS)
LIMIT = 1000
"""Bytes that a body may have here."""


Heard = tuple[ServerRequest | str, ...]


class Forgetful(HeadCache[str]):
    """Learns nothing: what every request was to us before."""

    def learn(
        self, data: bytes, call: ServerRequest, admitted: str, more: bytes, outcome: Outcome, *, unix: bool
    ) -> CachedHead[str] | None:
        return None


async def talk(
    pieces: Sequence[bytes],
    *,
    known: bool,
    slow: bool = False,
    drain: int | None = None,
    earlier: Sequence[bytes] = (),
) -> tuple[Heard, bytes, str]:
    """What the service heard, and the caller. `drain`: the piece before which the server begins to stop.

    `earlier`: what came before over connections of their own.
    """
    service, pipe = Echo(slow=slow), Pipe()
    shared: ServerContext[str] = ServerContext(
        asyncio.get_running_loop(), ServerTimeouts(), RequestLimits(LIMIT), Rules()
    )
    if not known:
        shared.heads = Forgetful(Rules())
    for piece in earlier:
        other = ServerConnection(Echo(slow=False), shared)
        other.connection_made(Pipe())
        other.data_received(piece)
        other.connection_lost(None)
    connection = ServerConnection(service, shared)
    connection.connection_made(pipe)
    for number, piece in enumerate(pieces):
        if number == drain:
            connection.drain()
        if pipe.ended:
            break
        connection.data_received(piece)
        for _ in range(3):
            await asyncio.sleep(0)
        service.answer()
        for _ in range(3):
            await asyncio.sleep(0)
    ended = pipe.ended
    connection.connection_lost(None)
    return tuple(service.heard), re.sub(rb"date: [^\r]*", b"date:", pipe.sent), ended


def post(body: bytes, *lines: str, length: str | None = None, name: str = "Content-Length") -> bytes:
    """A request as an SDK sends it; its length is where `lines` has an empty one, else at the end."""
    said = list(lines) or ["Host: here", "Authorization: Bearer key", "", "User-Agent: a"]
    at = said.index("") if "" in said else len(said)
    said[at : at + 1] = [f"{name}: {len(body) if length is None else length}"]
    return "\r\n".join(["POST /chat?a=b HTTP/1.1", *said, "", ""]).encode() + body


ORDINARY = post(b"hello")
REQUESTS: dict[str, bytes] = {
    "the same": ORDINARY,
    "longer": post(b"hello" * 30),
    "of no length": post(b""),
    "as long as may be": post(b"x" * LIMIT),
    "too long": post(b"x" * (LIMIT + 1)),
    "far too long": post(b"x", length="99999999999"),
    "zeros first": post(b"hello", length="0005"),
    "a plus": post(b"hello", length="+5"),
    "a minus": post(b"hello", length="-5"),
    "no digits": post(b"hello", length=""),
    "hexadecimal": post(b"hello", length="0x5"),
    "a list": post(b"hello", length="5, 5"),
    "a space": post(b"hello", length="5 "),
    "two lengths": post(b"hello", length="5\r\nContent-Length: 4"),
    "a length and chunks": post(b"5\r\nhello\r\n0\r\n\r\n", length="5\r\nTransfer-Encoding: chunked"),
    "another key": post(b"hello", "Host: here", "Authorization: Bearer other", "", "User-Agent: a"),
    "one line more": post(
        b"hello", "Host: here", "Authorization: Bearer key", "", "User-Agent: a", "X-Request-Id: mine"
    ),
    "one line less": post(b"hello", "Host: here", "Authorization: Bearer key", ""),
    "no host": post(b"hello", "Authorization: Bearer key", ""),
    "a line end alone": ORDINARY.replace(b"a\r\n\r\n", b"a\n\r\n"),
    "the end of a head in its body": post(b"a\r\n\r\nb"),
    "a request in its body": post(ORDINARY),
    "lower case": post(b"hello", name="content-length"),
    "spaces before the length": post(b"hello", length="  5"),
    "a page": b"GET /page HTTP/1.1\r\nHost: here\r\n\r\n",
    "nothing there": b"POST /none HTTP/1.1\r\nHost: here\r\nContent-Length: 5\r\n\r\nhello",
    "a last one": post(b"hello", "Host: here", "Connection: close", ""),
    "one that waits": post(b"hello", "Host: here", "Expect: 100-continue", ""),
    "one that stays": post(b"hello", "Host: here", "Connection: keep-alive", ""),
    "for another protocol": post(b"hello", "Host: here", "Connection: upgrade", "Upgrade: h2c", ""),
    "packed": post(b"hello", "Host: here", "Content-Encoding: gzip", ""),
    "of a page elsewhere": post(b"hello", "Host: here", "Origin: https://page.example", ""),
    "of an old version": post(b"hello").replace(b"HTTP/1.1", b"HTTP/1.0"),
    "chunks": b"POST /chat HTTP/1.1\r\nHost: here\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
    "an empty line first": b"\r\n" + ORDINARY,
    "none": b"junk\r\n\r\n",
}


def cuts(data: bytes) -> Iterator[list[bytes]]:
    """In one piece, in two at every byte, and byte by byte."""
    yield [data]
    yield from ([data[:at], data[at:]] for at in range(1, len(data)))
    yield [data[at : at + 1] for at in range(len(data))]


@pytest.mark.parametrize("name", REQUESTS)
async def test_the_second_request_is_read_as_if_it_were_the_first_at_every_cut(name: str) -> None:
    second = REQUESTS[name]
    every = cuts(second) if len(second) < LIMIT else iter([[second], [second[:500], second[500:]]])
    for pieces in every:
        fast, slow = [await talk([ORDINARY, *pieces, ORDINARY], known=known) for known in (True, False)]
        assert fast == slow, pieces[0]


@pytest.mark.parametrize("name", ["the same", "of no length", "a page", "chunks", "none", "an empty line first"])
async def test_what_follows_a_body_in_the_same_bytes_is_read_too(name: str) -> None:
    both = ORDINARY + REQUESTS[name]
    head = len(ORDINARY) - len(b"hello")
    for at in range(head, len(both)):
        pieces = [ORDINARY, both[:at], both[at:], ORDINARY]
        fast, slow = [await talk(pieces, known=known) for known in (True, False)]
        assert fast == slow, at


@pytest.mark.parametrize("first", REQUESTS)
async def test_whatever_came_first(first: str) -> None:
    for second in ("the same", "longer"):
        sent = [REQUESTS[first], REQUESTS[first], REQUESTS[second], REQUESTS[first]]
        fast, slow = [await talk(sent, known=known) for known in (True, False)]
        assert fast == slow, second


@pytest.mark.parametrize("name", REQUESTS)
async def test_the_first_request_is_read_as_if_no_connection_had_brought_its_head(name: str) -> None:
    first = REQUESTS[name]
    for pieces in cuts(first) if len(first) < LIMIT else iter([[first], [first[:500], first[500:]]]):
        sent = [*pieces, ORDINARY, first]
        fast, slow = [await talk(sent, known=known, earlier=[ORDINARY, first]) for known in (True, False)]
        assert fast == slow, pieces[0]


@pytest.mark.parametrize("name", REQUESTS)
async def test_what_comes_in_one_piece_with_another(name: str) -> None:
    other = REQUESTS[name]
    for sent in (
        [ORDINARY, ORDINARY + other, ORDINARY],
        [ORDINARY, other + ORDINARY, other, ORDINARY],
        [other + ORDINARY, other, other, ORDINARY],
        [ORDINARY + other, ORDINARY, other],
        [ORDINARY + other + ORDINARY, other, ORDINARY],
    ):
        for timeouts in (False, True):
            fast, slow = [await talk(sent, known=known, slow=timeouts) for known in (True, False)]
            assert fast == slow, sent


@pytest.mark.parametrize("seed", range(40))
async def test_whatever_comes_in_whatever_pieces(seed: int) -> None:
    print("seed", seed)
    dice = random.Random(seed)
    names = dice.choices([*REQUESTS, *["the same", "longer", "of no length"] * 10], k=6)
    sent = ORDINARY + b"".join(REQUESTS[name] for name in names)
    edges = sorted({0, len(sent), *(dice.randrange(len(sent)) for _ in range(dice.randrange(9)))})
    pieces = [sent[start:end] for start, end in pairwise(edges)]
    if dice.random() < 0.5:
        pieces = [ORDINARY, *(REQUESTS[name] for name in names)]
    for slow in (False, True):
        both = [await talk(pieces, known=known, slow=slow) for known in (True, False)]
        assert both[0] == both[1], names


@pytest.mark.parametrize("drain", [1, 2])
async def test_a_server_that_stops_says_so(drain: int) -> None:
    for slow in (False, True):
        fast, plain = [await talk([ORDINARY] * 3, known=known, slow=slow, drain=drain) for known in (True, False)]
        assert fast == plain


async def test_what_is_said_goes_out_before_the_end() -> None:
    shared: ServerContext[str] = ServerContext(
        asyncio.get_running_loop(), ServerTimeouts(), RequestLimits(LIMIT), Rules()
    )
    pipes = [Pipe(), Pipe()]
    for pipe in pipes:  # in one turn of the loop: what the second says waits for its end
        connection = ServerConnection(Echo(slow=False), shared)
        connection.connection_made(pipe)
        connection.data_received(b"junk\r\n\r\n")
    await asyncio.sleep(0)
    assert [pipe.sent.split(b"\r\n")[0] for pipe in pipes] == [b"HTTP/1.1 400 Bad Request"] * 2
    assert [pipe.ended for pipe in pipes] == ["eof", "eof"]


async def test_a_head_is_known_to_other_connections_of_its_kind() -> None:
    shared: ServerContext[str] = ServerContext(
        asyncio.get_running_loop(), ServerTimeouts(), RequestLimits(LIMIT), Rules()
    )

    async def recalled(peer: object, *requests: bytes) -> int:
        """How many of these are answered without the parser."""
        service, begun = Echo(slow=False), list[Outcome]()
        service.begun = begun.append
        connection = ServerConnection(service, shared)
        connection.connection_made(Pipe(peer))
        for request in requests:
            connection.data_received(request)
            await asyncio.sleep(0)
        connection.connection_lost(None)
        return len(begun)

    other = REQUESTS["another key"]
    assert await recalled(("127.0.0.1", 1), ORDINARY, ORDINARY) == 1
    assert await recalled("", ORDINARY) == 0
    assert await recalled("", ORDINARY, other) == 1
    assert (
        await recalled(("127.0.0.2", 2), ORDINARY, other, ORDINARY, other, b"GET / HTTP/1.1\r\nHost: here\r\n\r\n") == 3
    )


async def test_it_is_learnt() -> None:
    heads: HeadCache[str] = HeadCache(Rules())
    call = ServerRequest(
        method="POST", path="/chat", query="a=b", headers=((b"host", b"here"), (b"content-length", b"5"))
    )
    head = post(b"hello", "Host: here", "")
    known = heads.learn(head, call, ADMITTED, b"", BEGUN, unix=False)
    assert known is not None
    assert (
        heads.learn(post(b"good bye", "Host: here", ""), call, ADMITTED, b"", BEGUN, unix=False) is None
    )  # it says another length than `call`
    assert heads.learn(head, call, ADMITTED, b"", BEGUN, unix=False) is known
    for text in (
        head.replace(b"/chat", b"/none"),
        head.replace(b"a=b", b"a=c"),
        head.replace(b"here", b"there"),
        head.replace(b"Host", b"Most"),
        head.replace(b"\r\nHost", b"\r\nX: y\r\nHost"),
        head.replace(b"\r\nHost", b"\nHost"),
        head.replace(b"POST", b"PUT"),
    ):
        assert heads.learn(text, call, ADMITTED, b"", BEGUN, unix=False) is None, text
    assert known.find(post(b"good bye", "Host: here", "")) == (b"8", len(head) - 5)
    assert known.call(b"8", b"good bye").headers == ((b"host", b"here"), (b"content-length", b"8"))
    assert known.find(head[:-6]) is None


async def test_of_the_trace_it_keeps_what_the_head_itself_says() -> None:
    heads: HeadCache[str] = HeadCache(Rules())
    fields = ((b"host", b"here"), (b"content-length", b"5"), (b"hops", b"1"))
    call = ServerRequest(method="POST", path="/chat", query="a=b", headers=fields)
    outcome = Outcome("id", "POST", "/chat", 0.0, trace=(("hops", "2"), ("traceparent", "of this request")))
    known = heads.learn(post(b"hello", "Host: here", "", "Hops: 1"), call, ADMITTED, b"", outcome, unix=False)
    assert known is not None
    assert known.trace == (("hops", "2"),)


async def test_what_is_remembered_is_bounded() -> None:
    heads: HeadCache[str] = HeadCache(Rules())

    def learn(value: str) -> CachedHead[str] | None:
        fields = ((b"host", b"here"), (b"content-length", b"5"), (b"x", value.encode()))
        call = ServerRequest(method="POST", path="/chat", query="a=b", headers=fields)
        return heads.learn(post(b"hello", "Host: here", "", f"X: {value}"), call, ADMITTED, b"", BEGUN, unix=False)

    assert learn("x" * MAX_HEAD) is None
    first = learn("0")
    assert learn("0") is first is not None
    for number in range(1, MAX_HEADS + 1):
        assert learn(str(number)) is not None
    assert learn("0") is not first


def test_a_head_of_another_generation_is_learnt_anew() -> None:
    rules = Rules()
    heads: HeadCache[str] = HeadCache(rules)
    head = post(b"hello", "Host: here", "")
    call = ServerRequest(
        method="POST", path="/chat", query="a=b", headers=((b"host", b"here"), (b"content-length", b"5"))
    )
    before = heads.learn(head, call, ADMITTED, b"", BEGUN, unix=False)
    rules.generation += 1
    after = heads.learn(head, call, "embeddings", b"", Outcome("id", "POST", "/chat", 0.0), unix=False)
    assert before is not None
    assert after is not None
    assert (before.generation, before.admitted, before.identity) == (0, ADMITTED, ASKS)
    assert (after.generation, after.admitted, after.identity) == (1, "embeddings", Identity())


async def test_requests_with_the_same_head_share_it_in_memory() -> None:
    heads: HeadCache[str] = HeadCache(Rules())
    calls = []
    for body in (b"hello", b"good bye"):
        fields = ((b"content-length", b"%d" % len(body)), (bytes(bytearray(b"host")), bytes(bytearray(b"here"))))
        call = ServerRequest(method="".join("POST"), path="".join(["/ch", "at"]), query="a=b", headers=fields)
        outcome = Outcome("id", call.method, call.path, 0.0)
        text = b"POST /chat?a=b HTTP/1.1\r\nContent-Length: %d\r\nHost: here\r\n\r\n%b" % (len(body), body)
        known = heads.learn(text, call, ADMITTED, b"", BEGUN, unix=False)
        assert known is not None
        known.share(call, outcome)
        assert set(call.headers) == set(fields)
        assert (call.method, call.path, call.query) == ("POST", "/chat", "a=b")
        assert outcome.path is call.path
        calls.append(call)
    first, second = calls
    assert first.path is second.path
    assert first.headers[0] is second.headers[0]
    assert first.headers[1] != second.headers[1]
