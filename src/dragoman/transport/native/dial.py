"""How a connection to an origin is opened: directly or through a proxy, with TLS or without. Knows no pool."""

import asyncio
import os
import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from operator import itemgetter

from dragoman.error_words import cut
from dragoman.errors import ConnectError
from dragoman.transport.base import Timeouts
from dragoman.transport.exhausted import is_exhausted, overloaded
from dragoman.transport.http.target import Origin, Proxy, authority
from dragoman.transport.native.connection import Connection
from dragoman.transport.native.home import Home
from dragoman.transport.native.keeper import Keeper
from dragoman.transport.native.lookup import Lookups, Resolver, by_system
from dragoman.transport.native.sockets import open_socket, single_address
from dragoman.transport.native.tls_connection import TlsConnection
from dragoman.transport.native.tunnel import Tunnel, open_socks
from dragoman.transport.timeout import timeout
from dragoman.transport.trust import Trust


class Dialer:
    """Opens connections. Trusts what the system trusts, and what a `ca_file` adds."""

    def __init__(self, resolver: Resolver = by_system) -> None:
        self._resolver = resolver
        self._trust = Trust()
        self._home: Home | None = None

    async def dial(self, origin: Origin, timeouts: Timeouts, ends: float, keeper: Keeper) -> Connection:
        """A fresh connection. Raises ConnectError, TimeoutError; leaves nothing open if it raises or is cancelled."""
        loop = asyncio.get_running_loop()
        home = self._home
        if home is None or home.loop is not loop:
            home = await self._move()
        kind, context = Connection, None
        if _needs_tls(origin):
            kind, context = TlsConnection, self._trust.context(origin.ca_file)
        connection = kind(origin.name, home.alarms, home.outbox, home.buffer, keeper)
        way = _Connector(loop, home.lookups, context)
        try:
            await way.reach(origin, timeouts, ends)
            if origin.scheme == "https":
                async with timeout(timeouts.tls, ends, "tls", origin.name):
                    await way.secure(origin.host, origin.name, "tls_error")
            way.hand_over(connection)
        except BaseException:
            way.abort()
            raise
        home.add(keeper)
        return connection

    def close(self) -> None:
        """Ends every connection. May be called twice."""
        if self._home is not None:
            self._home.leave()

    async def _move(self) -> Home:
        self.close()
        self._home = home = await Home.here(self._resolver)
        return home


def _needs_tls(origin: Origin) -> bool:
    return origin.scheme == "https" or (origin.proxy is not None and origin.proxy.scheme == "https")


class _Connector:
    """A transport under construction: each step puts another layer on the one before."""

    def __init__(self, loop: asyncio.AbstractEventLoop, lookups: Lookups, context: ssl.SSLContext | None) -> None:
        self._loop = loop
        self._lookups = lookups
        self._context = context
        self._made: list[asyncio.Transport] = []
        self._tunnel = Tunnel(loop)

    def hand_over(self, connection: Connection) -> None:
        """Gives the last layer to `connection`. Raises ConnectError if the peer has already sent bytes."""
        if self._tunnel.early:
            raise ConnectError("expected silence from the server before the first request, got bytes")
        transport = self._made[-1]
        if transport.is_closing():
            raise ConnectError("the server closed the connection before the first request")
        # When uvloop begins to read, it decides whether it reads into a buffer of the protocol.
        transport.pause_reading()
        transport.set_protocol(connection)
        transport.resume_reading()
        connection.connection_made(transport)

    def abort(self) -> None:
        for transport in reversed(self._made):
            transport.abort()

    async def reach(self, origin: Origin, timeouts: Timeouts, ends: float) -> None:
        """Connects to the origin, without the origin's own TLS."""
        proxy = origin.proxy
        if proxy is None:
            async with timeout(timeouts.connect, ends, "connect", origin.name):
                await self._connect(origin.host, origin.port, "connect_error")
            return
        async with timeout(timeouts.proxy, ends, "proxy", origin.name):
            match proxy.scheme:
                case "socks5" | "socks5h":
                    await self._over_socks(origin, proxy)
                case _:
                    await self._through(origin, proxy)

    async def secure(self, host: str, name: str, code: str) -> None:
        """TLS on top, the peer's certificate checked for `host`."""
        assert self._context is not None  # noqa: S101  # by _needs_tls
        plain = host.removesuffix(".")  # the dot says that the name is complete; no certificate has it (RFC 6066)
        try:
            over = await self._loop.start_tls(self._made[-1], self._tunnel, self._context, server_hostname=plain)
        except OSError as error:
            failure = ConnectError(f"{name}: no TLS: {_reason(error)}", code=code)
            failure.retryable = not isinstance(error, ssl.SSLCertVerificationError)  # it does not hold a second later
            raise failure from error
        if over is None or over.is_closing():
            raise ConnectError(f"{name}: no TLS: the connection was closed", code=code)
        self._made.append(over)

    async def _through(self, origin: Origin, proxy: Proxy) -> None:
        await self._connect(proxy.host, proxy.port, "proxy_error")
        if proxy.scheme == "https":
            await self.secure(proxy.host, proxy.name, "proxy_error")
        if not origin.forwarded:
            await self._tunnel.open(self._made[-1], origin.host, origin.port, proxy)

    async def _over_socks(self, origin: Origin, proxy: Proxy) -> None:
        host = origin.host
        if proxy.scheme == "socks5":
            with _reaching(host, origin.port, "connect_error"):
                addresses = await self._lookups.addresses(host, origin.port)
            # The first of IPv4, if there is one: few proxies lead to IPv6.
            host = str(min(addresses, key=itemgetter(0))[4][0])
        with _reaching(proxy.host, proxy.port, "proxy_error"):
            made = await open_socket(await self._lookups.addresses(proxy.host, proxy.port))
        try:
            await open_socks(made, host, origin.port, proxy)
        except BaseException:
            made.close()
            raise
        await self._over(made)

    async def _connect(self, host: str, port: int, code: str) -> None:
        with _reaching(host, port, code):
            addresses = await self._lookups.addresses(host, port)
            address = single_address(addresses)
            if address is None:
                await self._over(await open_socket(addresses))
                return
            # If there is only one address, the loop's own way to connect takes a third of the time.
            transport, _ = await self._loop.create_connection(lambda: self._tunnel, address, port)
            self._made.append(transport)

    async def _over(self, made: socket.socket) -> None:
        try:
            transport, _ = await self._loop.create_connection(lambda: self._tunnel, sock=made)
        except BaseException:
            made.close()
            raise
        self._made.append(transport)


@contextmanager
def _reaching(host: str, port: int, code: str) -> Iterator[None]:
    """Raises ConnectError with this code if there is no address or no connection, OverloadedError if that is us."""
    try:
        yield
    except OSError as error:
        if is_exhausted(error):
            raise overloaded() from error
        where, what = (host, "address") if isinstance(error, socket.gaierror) else (authority(host, port), "connection")
        raise ConnectError(f"{where}: no {what}: {_reason(error)}", code=code) from error


def _reason(error: OSError) -> str:
    # The system's message. asyncio's own has the address in it, uvloop's has not.
    if error.errno and not isinstance(error, socket.gaierror | ssl.SSLError):
        return os.strerror(error.errno)
    closed = isinstance(error, ConnectionError)  # as asyncio raises it, without a word, for an end in the handshake
    return cut(error.strerror or str(error) or ("the connection was closed" if closed else type(error).__name__))
