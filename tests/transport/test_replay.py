"""What was recorded over a real socket comes again: pieces, ends, errors, times."""

import asyncio
from pathlib import Path

import pytest

from dragoman.errors import ConfigurationError, ConnectError, DragomanError, TimeoutError, TruncatedStreamError
from dragoman.transport.base import Route, Transport, read_all
from dragoman.transport.native import NativeTransport
from dragoman.transport.replay import Cassette, RecordingTransport, ReplayTransport
from dragoman.transport.replay.cassette import Content, Piece, RecordedRequest
from dragoman.transport.replay.cassette import RecordedExchange as Recorded
from dragoman.transport.replay.redaction import FORM, SHORTEST, credentials, redacted_pieces
from dragoman.types import HttpRequest
from tests.support.server import Exchange, serve
from tests.transport.foreign import PATIENT, SOON, ask, closing, pieces_of, route

Heard = tuple[int, list[bytes], tuple[type[DragomanError], str] | None]


async def hear(transport: Transport, request: HttpRequest, way: Route = PATIENT) -> Heard:
    """Everything that a reply says."""
    reply = await transport.send(request, way)
    pieces, error = await pieces_of(reply)
    reply.close()
    return reply.head.status, pieces, None if error is None else (type(error), error.message)


async def script(exchange: Exchange) -> None:
    """Answers as its path says."""
    await exchange.head(201, {"x-kept": "1", "set-cookie": "session=hidden"})
    await exchange.chunk(b"one")
    await asyncio.sleep(SOON / 5)
    await exchange.chunk(b"t\xc3\xa9")
    match exchange.request.path.partition("?")[0]:
        case "/clean":
            await exchange.end()
        case "/fin":
            exchange.close()
        case "/rst":
            exchange.reset()
        case _:
            await exchange.closed()


@pytest.mark.parametrize("path", ["/clean", "/fin", "/rst", "/stall"])
@pytest.mark.parametrize("mark_chunks", [False, True])
async def test_replays_what_was_recorded(path: str, mark_chunks: bool, tmp_path: Path) -> None:
    async with serve(script) as server:
        cassette = Cassette()
        request = ask(server.url + path, mark_chunks=mark_chunks)
        async with closing(RecordingTransport(NativeTransport(), cassette)) as transport:
            live = await hear(transport, request, route(idle=SOON * 6))
    assert b"".join(live[1]) == b"onet\xc3\xa9"
    assert (live[2] is None) == (path == "/clean")
    cassette.save(tmp_path / "tape.json")
    again = Cassette.load(tmp_path / "tape.json")
    assert again == cassette
    assert await hear(ReplayTransport(again), request) == live


async def test_notes_how_a_reply_ended() -> None:
    async with (
        serve(script) as server,
        closing(RecordingTransport(NativeTransport(), cassette := Cassette())) as transport,
    ):
        for path in ("/clean", "/fin", "/stall"):
            await hear(transport, ask(server.url + path), route(idle=SOON * 6))
        left = await transport.send(ask(server.url + "/stall"), PATIENT)
        await left.read()
        left.close()
    assert [exchange.end for exchange in cassette.exchanges] == ["clean", "truncated", "error", "closed"]
    replay = ReplayTransport(cassette)
    reply = await replay.send(ask("http://x/stall"), PATIENT)
    with pytest.raises(TimeoutError) as caught:
        await read_all(reply)
    assert caught.value.phase == "idle"
    reply = await replay.send(ask("http://x/stall"), PATIENT)
    assert await reply.read() == [b"one"]
    with pytest.raises(TruncatedStreamError, match="recording stops"):
        await reply.read()


async def test_replays_an_error_that_came_instead_of_a_reply() -> None:
    cassette = Cassette()
    async with closing(RecordingTransport(NativeTransport(), cassette)) as transport:
        with pytest.raises(ConnectError) as live:
            await transport.send(ask("http://127.0.0.1:1"), PATIENT)
    with pytest.raises(ConnectError) as again:
        await ReplayTransport(cassette).send(ask("http://127.0.0.1:1"), PATIENT)
    assert (again.value.message, again.value.code) == (live.value.message, live.value.code)


SECRET_HEADERS = ("Authorization", "x-api-key", "X-Goog-Api-Key", "api-key", "Cookie", "X-Auth-Token", "UniqueId")
BODY = (
    b'{"messages":[{"role":"user","content":"say \\"pass\\": \\"shown\\""}],'
    b'"pass":"hid\\"den","time":1,"token" : 47110815}'
)


async def test_records_no_credential(tmp_path: Path) -> None:
    async def handler(exchange: Exchange) -> None:
        await exchange.reply(201, {"set-cookie": "hidden", "x-session-token": "hidden", "x-remaining-tokens": "7"})

    async with (
        serve(handler) as server,
        closing(RecordingTransport(NativeTransport(), cassette := Cassette())) as transport,
    ):
        request = HttpRequest(
            url=f"{server.url}/clean?alt=sse&key=hidden&Key=hidden&apikey=hidden&token=hidden&max_tokens=5",
            headers=(*((name, "hidden") for name in SECRET_HEADERS), ("x-plain", "shown")),
            body=BODY,
        )
        assert (await hear(transport, request))[2] is None
        assert server.requests[0].headers["authorization"] == "hidden"
        assert server.requests[0].body == BODY
    cassette.save(tmp_path / "tape.json")
    text = (tmp_path / "tape.json").read_text()
    again = Cassette.load(tmp_path / "tape.json")
    kept = again.exchanges[0]
    assert "hidden" not in text
    assert kept.request.body.data == BODY.replace(b'"hid\\"den"', b'"REDACTED"').replace(b"47110815", b'"REDACTED"')
    assert kept.request.url.endswith(
        "/clean?alt=sse&key=REDACTED&Key=REDACTED&apikey=REDACTED&token=REDACTED&max_tokens=5"
    )
    assert ("x-plain", "shown") in kept.request.headers
    assert ("x-remaining-tokens", "7") in kept.headers
    assert (await hear(ReplayTransport(again), request))[0] == 201


async def test_a_form_is_recorded_without_its_credentials() -> None:
    request = HttpRequest(
        url="http://service/",
        headers=(("Content-Type", "application/x-www-form-urlencoded; charset=utf-8"),),
        body=b"password=hidden&text=shown&access_token=hidden&token=",
    )
    kept = RecordedRequest.of(request)
    assert kept.body.data == b"password=REDACTED&text=shown&access_token=REDACTED&token="


@pytest.mark.parametrize("data", [b"", b"Gr\xc3\xbc\xc3\x9fe\0", b"Gr\xc3", b"\xff"])
def test_what_is_text_is_written_as_text(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "tape.json"
    cassette = tape(("/a", data, data))
    cassette.save(path)
    assert Cassette.load(path) == cassette
    (exchange,) = cassette.exchanges
    assert exchange.request.body.data == exchange.pieces[0].content.data == data
    assert ("Grüße" in path.read_text("utf-8")) is ("Grüße".encode() in data)


@pytest.mark.parametrize("before", [False, True])
def test_a_tape_is_for_its_owner_alone(tmp_path: Path, before: bool) -> None:
    path = tmp_path / "tape.json"
    if before:
        path.write_text("an older one")
        path.chmod(0o644)
    Cassette().save(path)
    assert path.stat().st_mode & 0o777 == 0o600


def tape(*pairs: tuple[str, bytes, bytes]) -> Cassette:
    """A cassette of (path, request's body, reply's body)."""
    return Cassette(
        [
            Recorded(
                request=RecordedRequest(method="POST", url=f"http://recorded{path}", body=Content.of(asked)),
                status=200,
                pieces=[Piece(1.0, Content.of(said))],
                end="clean",
            )
            for path, asked, said in pairs
        ]
    )


async def said(transport: Transport, path: str, body: bytes) -> bytes:
    return await read_all(await transport.send(HttpRequest(url=f"http://elsewhere{path}", body=body), PATIENT))


async def test_plays_each_exchange_once_and_in_order() -> None:
    replay = ReplayTransport(tape(("/a", b"", b"1"), ("/b", b"", b"2"), ("/a", b"", b"3")))
    assert [await said(replay, path, b"") for path in ("/a", "/a", "/b")] == [b"1", b"3", b"2"]
    with pytest.raises(ConnectError, match="no further POST /a"):
        await said(replay, "/a", b"")


async def test_prefers_the_exchange_of_the_same_body_and_takes_the_first_where_bodies_changed() -> None:
    replay = ReplayTransport(tape(("/a", b"x", b"1"), ("/a", b"y", b"2"), ("/a", b"z", b"3")))
    assert [await said(replay, "/a", body) for body in (b"y", b"new", b"z")] == [b"2", b"1", b"3"]


@pytest.mark.parametrize(
    ("method", "path", "body"), [("POST", "/a", b"y"), ("GET", "/a", b"x"), ("POST", "/a?q", b"x")]
)
async def test_strictly_plays_only_what_is_the_same(method: str, path: str, body: bytes) -> None:
    replay = ReplayTransport(tape(("/a", b"x", b"1")), strict=True)
    with pytest.raises(ConnectError, match="holds no further"):
        await replay.send(HttpRequest(method=method, url=f"http://elsewhere{path}", body=body), PATIENT)
    assert await said(replay, "/a", b"x") == b"1"


async def test_waits_as_long_as_was_recorded() -> None:
    times = [0.0, 20.0, 40.0]
    recorded = tape(("/a", b"", b""))
    recorded.exchanges[0].head_t_ms = 10.0
    recorded.exchanges[0].pieces = [Piece(10 + t, Content.of(b"x")) for t in times]
    loop = asyncio.get_running_loop()
    took: list[float] = []
    for speed in (1.0, 2.0):
        start = loop.time()
        reply = await ReplayTransport(recorded, speed).send(HttpRequest(url="http://x/a"), PATIENT)
        while await reply.read():
            took.append((loop.time() - start) * speed * 1000)
    least = [10 + t - 1 for t in times]
    assert all(real >= wanted for real, wanted in zip(took, least * 2, strict=True))


async def test_a_closed_replay_gives_no_more() -> None:
    reply = await ReplayTransport(tape(("/a", b"", b"1"))).send(HttpRequest(url="http://x/a"), PATIENT)
    reply.close()
    with pytest.raises(TruncatedStreamError):
        await reply.read()


@pytest.mark.parametrize("text", ["", "{", '{"exchanges": 1}', '{"version": 1}'])
def test_says_which_file_is_no_cassette(text: str, tmp_path: Path) -> None:
    path = tmp_path / "tape.json"
    path.write_text(text)
    with pytest.raises(ConfigurationError, match=r"tape\.json: expected a cassette"):
        Cassette.load(path)


def test_says_which_file_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"none\.json: cannot be read"):
        Cassette.load(tmp_path / "none.json")


SECRET = b"sk-0123456789"


@pytest.mark.parametrize(
    ("asked", "known"),
    [
        (HttpRequest(url="http://x/", headers=(("Authorization", f"Bearer {SECRET.decode()}"),)), True),
        (HttpRequest(url="http://x/", headers=(("x-api-key", SECRET.decode()),)), True),
        (HttpRequest(url="http://x/", headers=(("x-plain", SECRET.decode()),)), False),
        (HttpRequest(url=f"http://x/?key={SECRET.decode()}&alt=sse"), True),
        (HttpRequest(url="http://x/", body=b'{"pass": "%b"}' % SECRET), True),
        (HttpRequest(url="http://x/", body=b'{"note": "%b"}' % SECRET), False),
        (HttpRequest(url="http://x/", headers=(("content-type", FORM),), body=b"a=1&token=%b" % SECRET), True),
    ],
)
def test_finds_the_credentials_of_a_request(asked: HttpRequest, known: bool) -> None:
    assert (SECRET in credentials(asked)) == known
    assert all(len(found) >= SHORTEST for found in credentials(asked))


@pytest.mark.parametrize("cut", range(len(SECRET) + 3))
def test_a_credential_in_two_pieces_is_replaced_and_pieces_keep_their_length(cut: int) -> None:
    body = b"a%bz" % SECRET
    pieces = [body[:cut], b"", body[cut:]]
    redacted = redacted_pieces(pieces, {SECRET, SECRET[:8]})
    assert b"".join(redacted) == b"aREDACTED*****z"
    assert [len(piece) for piece in redacted] == [len(piece) for piece in pieces]
    assert redacted_pieces(pieces, {b"another one"}) == pieces
