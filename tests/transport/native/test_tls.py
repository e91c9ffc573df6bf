"""TLS: verified, always; and what a broken one says."""

import asyncio
import socket
import ssl
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest
import trustme

from dragoman.errors import ConfigurationError, ConnectError, TruncatedStreamError
from dragoman.gateway.serving.serve import new_loop
from dragoman.transport.base import Route
from dragoman.transport.native import NativeTransport, Stats
from dragoman.transport.native.lookup import by_system
from tests.faults.certificates import authority as certificates
from tests.faults.certificates import certificate
from tests.faults.tls import End, Secrets, Speech
from tests.faults.wire import Fin, Script, Service, listening
from tests.support.ports import send_fin
from tests.support.raw import turns
from tests.support.server import Exchange, serve
from tests.transport.native.reading import PLAIN, ending, get, whole


def presenting(authority: trustme.CA, *names: str) -> ssl.SSLContext:
    """A server's context with a certificate for `names`."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(*names).configure_cert(context)
    return context


async def accepted(
    context: ssl.SSLContext, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
) -> tuple[ssl.SSLObject, ssl.MemoryBIO]:
    """A server's TLS after the handshake and a request, and what it wrote since; for what asyncio's own does not do."""
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    tls = context.wrap_bio(incoming, outgoing, server_side=True)
    asked = b""
    while not asked:
        incoming.write(await reader.read(65536))
        try:
            tls.do_handshake()
            asked = tls.read(65536)
        except ssl.SSLWantReadError:
            pass
        finally:
            writer.write(outgoing.read())
    return tls, outgoing


async def echo(exchange: Exchange) -> None:
    await exchange.reply(200, {}, exchange.request.body)


async def test_a_trusted_server_is_spoken_to_and_its_connection_kept(authority: trustme.CA, ca_file: str) -> None:
    async with serve(echo, presenting(authority, "localhost")) as server:
        transport = NativeTransport()
        for body in (b"one", b"x" * 3_000_000, b"three"):
            assert await whole(await transport.send(get(server.url, body=body), Route(ca_file=ca_file))) == body
        assert len(server.connections) == 1
        transport.close()
        await server.peer_closed()


@pytest.mark.parametrize(("names", "trusted"), [(("localhost",), False), (("elsewhere.example",), True)])
async def test_any_other_certificate_is_refused(
    authority: trustme.CA, ca_file: str, names: tuple[str, ...], trusted: bool
) -> None:
    async with serve(echo, presenting(authority, *names)) as server:
        transport = NativeTransport()
        with pytest.raises(ConnectError) as caught:
            await transport.send(get(server.url), Route(ca_file=ca_file if trusted else None))
        assert (caught.value.code, caught.value.retryable) == ("tls_error", False)
        assert "certificate" in caught.value.message.lower()
        assert server.requests == []
        assert transport.stats() == Stats(0, 0, 0)
        transport.close()


async def test_a_name_with_its_final_dot_is_the_same_name(authority: trustme.CA, ca_file: str) -> None:
    async with serve(echo, presenting(authority, "service.test")) as server:
        transport = NativeTransport(resolver=lambda _, port: by_system("127.0.0.1", port))
        reply = await transport.send(get(f"https://service.test.:{server.port}", body=b"x"), Route(ca_file=ca_file))
        assert await whole(reply) == b"x"
        transport.close()


async def test_an_old_version_is_refused(authority: trustme.CA, ca_file: str) -> None:
    context = presenting(authority, "localhost")
    context.minimum_version = ssl.TLSVersion.MINIMUM_SUPPORTED
    with pytest.warns(DeprecationWarning, match="TLSv1_1"):
        context.maximum_version = ssl.TLSVersion.TLSv1_1
    context.set_ciphers("DEFAULT:@SECLEVEL=0")
    async with serve(echo, context) as server:
        transport = NativeTransport()
        with pytest.raises(ConnectError) as caught:
            await transport.send(get(server.url), Route(ca_file=ca_file))
        assert caught.value.code == "tls_error"
        transport.close()


@pytest.mark.parametrize("answer", [b"", b"HTTP/1.1 400 Bad Request\r\n\r\n"])
async def test_a_server_without_tls_is_told_as_such(answer: bytes) -> None:
    async def plain(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(100)
        writer.write(answer)
        writer.close()

    server = await asyncio.start_server(plain, "127.0.0.1", 0)
    transport = NativeTransport()
    with pytest.raises(ConnectError) as caught:
        await transport.send(get(f"https://127.0.0.1:{server.sockets[0].getsockname()[1]}"), PLAIN)
    assert caught.value.code == "tls_error"
    assert transport.stats().active == 0
    transport.close()
    server.close()
    await server.wait_closed()


async def test_a_ca_file_that_cannot_be_read_is_a_fault_of_the_configuration(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    path = tmp_path_factory.mktemp("bad") / "ca.pem"
    transport = NativeTransport()
    for text in (None, "not a certificate"):
        if text:
            path.write_text(text)
        with pytest.raises(ConfigurationError, match=r"ca\.pem"):
            await transport.send(get("https://127.0.0.1:1"), Route(ca_file=str(path)))
    assert transport.stats().active == 0
    transport.close()


@pytest.mark.parametrize("how", ["close", "cut", "reset"])
async def test_a_body_without_length_is_whole_only_where_tls_was_closed_properly(
    authority: trustme.CA, ca_file: str, how: str
) -> None:
    """Without its closing alert, a TLS stream may have been cut by anyone on the way (RFC 8446, section 6.1)."""

    async def handler(exchange: Exchange) -> None:
        await exchange.head(chunked=False)
        await exchange.chunk(b"abc")
        if how == "close":
            await exchange.end()
            return
        await read.wait()
        connection = server.connections[0]
        if how == "reset":
            exchange.reset()
        else:
            made = connection._transport.get_extra_info("socket")
            send_fin(made.fileno())
            await exchange.closed()

    read = asyncio.Event()
    async with serve(handler, presenting(authority, "localhost")) as server:
        transport = NativeTransport()
        reply = await transport.send(get(server.url), Route(ca_file=ca_file))
        assert await reply.read() == [b"abc"]
        read.set()
        pieces, error = await ending(reply)
        assert pieces == []
        assert (error is None) is (how == "close")
        assert error is None or isinstance(error, TruncatedStreamError)
        transport.close()


@pytest.mark.parametrize("framing", ["content-length: 1000000", "x-until: close", "transfer-encoding: chunked"])
@pytest.mark.parametrize("pause", [0, 20])
async def test_all_is_read_that_came_before_the_end(
    authority: trustme.CA, ca_file: str, framing: str, pause: int
) -> None:
    """Loops drop what they have not given out when a connection ends, as it does at once after many a server's answer.

    `pause`: turns of the loop after each piece that is read.
    """
    context = presenting(authority, "localhost")
    body = bytes(1_000_000)
    sent = b"f4240\r\n" + body + b"\r\n0\r\n\r\n" if "chunked" in framing else body
    ended = asyncio.Event()

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        tls, outgoing = await accepted(context, reader, writer)
        tls.write(f"HTTP/1.1 200 OK\r\n{framing}\r\nconnection: close\r\n\r\n".encode() + sent)
        with suppress(ssl.SSLWantReadError):
            tls.unwrap()
        writer.write(outgoing.read())
        writer.close()
        await writer.wait_closed()
        ended.set()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    transport = NativeTransport()
    url = f"https://localhost:{server.sockets[0].getsockname()[1]}"
    reply = await transport.send(get(url), Route(ca_file=ca_file))
    pieces: list[bytes] = []
    while more := await reply.read():
        pieces += more
        await turns(pause)
    assert b"".join(pieces) == body
    await ended.wait()
    transport.close()
    server.close()
    await server.wait_closed()


@pytest.mark.parametrize("factory", [new_loop, asyncio.new_event_loop], ids=["ours", "asyncio's"])
@pytest.mark.parametrize("size", [40_000, 162_070, 1_000_000])
def test_a_body_ends_with_tls_s_farewell_although_the_connection_stays(
    authority: trustme.CA, ca_file: str, size: int, factory: Callable[[], asyncio.AbstractEventLoop]
) -> None:
    """asyncio's servers wait for ours then, half a minute; uvloop (0.23) looks for none if all bytes were taken."""
    context, ended = presenting(authority, "localhost"), asyncio.Event()

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        tls, outgoing = await accepted(context, reader, writer)
        tls.write(b"HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n" + bytes(size))
        with suppress(ssl.SSLWantReadError):
            tls.unwrap()
        writer.write(outgoing.read())
        while await reader.read(65536):
            pass
        writer.close()
        await writer.wait_closed()
        ended.set()

    async def test() -> None:
        server = await asyncio.start_server(answer, "127.0.0.1", 0)
        transport = NativeTransport()
        url = f"https://localhost:{server.sockets[0].getsockname()[1]}"
        reply = await transport.send(get(url), Route(ca_file=ca_file))
        async with asyncio.timeout(20):
            assert await whole(reply) == bytes(size)
        await ended.wait()
        transport.close()
        server.close()
        await server.wait_closed()

    with asyncio.Runner(loop_factory=factory) as runner:
        runner.run(test())


async def test_a_server_that_wants_a_certificate_is_told_as_such(authority: trustme.CA, ca_file: str) -> None:
    """In TLS 1.3 it says so after the handshake, when the request may have been sent."""
    context = presenting(authority, "localhost")
    context.verify_mode = ssl.CERT_REQUIRED

    async def refuse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with pytest.raises(ssl.SSLError):
            await accepted(context, reader, writer)
        while await reader.read(65536):
            pass
        writer.close()

    server = await asyncio.start_server(refuse, "127.0.0.1", 0)
    transport = NativeTransport()
    url = f"https://localhost:{server.sockets[0].getsockname()[1]}"
    with pytest.raises(ConnectError, match="wants a certificate") as caught:
        await transport.send(get(url), Route(ca_file=ca_file))
    assert (caught.value.code, caught.value.retryable) == ("tls_error", False)
    assert transport.stats() == Stats(0, 0, 0)
    transport.close()
    server.close()
    await server.wait_closed()


async def test_cancelling_a_handshake_leaves_nothing_open() -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        listener.setblocking(False)
        loop = asyncio.get_running_loop()
        transport = NativeTransport()
        task = asyncio.create_task(transport.send(get(f"https://127.0.0.1:{listener.getsockname()[1]}"), PLAIN))
        accepted, _ = await loop.sock_accept(listener)
        with accepted:
            assert await loop.sock_recv(accepted, 1)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            while await loop.sock_recv(accepted, 65536):
                pass
        assert transport.stats() == Stats(0, 0, 0)
        transport.close()


@pytest.mark.parametrize("end", ["alert", "a bad record"])
@pytest.mark.parametrize("complete", [True, False])
async def test_what_came_before_a_failure_of_tls_is_read(complete: bool, end: End, tmp_path: Path) -> None:
    """Both come in one read, of which loops drop all if the last of it is a failure."""
    service = Service()
    answer = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n"
    service.scripts["x"] = Script((answer + b"0\r\n\r\n" * complete, Fin()))
    secrets = Secrets(certificate(), tmp_path)
    certificates().cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    async with listening(service, tls=secrets.spoken(Speech(joined=True, end=end))):
        transport = NativeTransport()
        route = Route(ca_file=str(tmp_path / "ca.pem"))
        for _ in range(2):  # the connection does not serve again
            reply = await transport.send(get(f"https://127.0.0.1:{service.port}/x"), route)
            pieces, error = await ending(reply)
            assert pieces == [b"hello"]
            assert (error is None) is complete
            assert error is None or isinstance(error, TruncatedStreamError)
        transport.close()
    secrets.close()


async def test_a_failure_of_another_connection_is_not_told_to_this_one(tmp_path: Path) -> None:
    """If a peer answers the end of TLS with a failure, Python (3.11) leaves it in OpenSSL's queue of errors."""
    service = Service()
    service.scripts["x"] = Script((b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello",))
    secrets = Secrets(certificate(), tmp_path)
    ca_file = tmp_path / "ca.pem"
    certificates().cert_pem.write_to_path(str(ca_file))
    context = ssl.create_default_context(cafile=ca_file)

    async def spoil() -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", service.port, ssl=context)
        writer.write(b"POST /x HTTP/1.1\r\n\r\n")
        assert await reader.read(100)
        writer.close()
        await turns(10)

    async with listening(service, tls=secrets.spoken(Speech(end="alert"))):
        transport = NativeTransport()
        ask, route = get(f"https://127.0.0.1:{service.port}/x"), Route(ca_file=str(ca_file))
        assert await whole(await transport.send(ask, route)) == b"hello"
        (pool,) = transport._pools.values()
        tls = pool._idle[0].transport.get_extra_info("ssl_object")
        await spoil()
        with pytest.raises(ssl.SSLWantReadError):
            tls.read(1)
        await spoil()
        other = NativeTransport()
        assert await whole(await other.send(ask, route)) == b"hello"
        assert await whole(await transport.send(ask, route)) == b"hello"
        transport.close()
        other.close()
    secrets.close()
