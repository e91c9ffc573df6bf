"""The way through a proxy: HTTP's CONNECT, and SOCKS 5. Knows nothing of what goes through it."""

import asyncio
import re
import socket
from typing import cast

from python_socks import ProxyError, ProxyType
from python_socks.async_.asyncio import Proxy as SocksProxy

from dragoman.error_words import cut
from dragoman.errors import ConnectError
from dragoman.transport.exhausted import is_exhausted, overloaded
from dragoman.transport.http.target import Proxy, authority
from dragoman.transport.timeout import YEAR

MAX_ANSWER = 64 << 10
"""Bytes of an answer to CONNECT, as of any other head."""

STATUS = re.compile(rb"HTTP/1\.[01] (\d{3})(?: ([^\r\n]*))?\r?\n")


class Tunnel(asyncio.Protocol):
    """The protocol of a connection until it is complete; asks an HTTP proxy for a way through, if that is needed."""

    # uvloop keeps it as long as the connection.
    __slots__ = ("_answer", "_bytes", "_loop", "_lost")

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._answer: asyncio.Future[bytes] | None = None
        """Of the proxy; None until it is waited for."""
        self._bytes = b""
        self._lost = False

    @property
    def early(self) -> bool:
        """Whether bytes came that nobody asked for."""
        return bool(self._bytes)

    def data_received(self, data: bytes) -> None:
        self._bytes += data
        self._give()

    def connection_lost(self, exc: Exception | None) -> None:
        self._lost = True
        self._give()

    async def open(self, transport: asyncio.Transport, host: str, port: int, proxy: Proxy) -> None:
        """Returns once the way is open. Raises ConnectError."""
        where = authority(host, port)
        lines = [f"CONNECT {where} HTTP/1.1", f"host: {where}"]
        if proxy.authorization:
            lines.append(f"proxy-authorization: {proxy.authorization}")
        transport.write("\r\n".join([*lines, "\r\n"]).encode("ascii"))
        self._answer = self._loop.create_future()
        self._give()
        answer = await self._answer
        status = STATUS.match(answer)
        if status is None:
            raise ConnectError(
                f"{proxy.name}: expected an answer to CONNECT, got {len(answer)} other bytes", code="proxy_error"
            )
        if not 200 <= int(status[1]) < 300:
            reason = f"{int(status[1])} {(status[2] or b'').decode('latin-1')}"
            raise ConnectError(f"{proxy.name} refused the way to {where}: {cut(reason)}", code="proxy_error")
        self._bytes = b""
        if not answer.endswith((b"\r\n\r\n", b"\n\n")):
            raise ConnectError(f"{proxy.name} sent bytes before they were asked for", code="proxy_error")

    def _give(self) -> None:
        """Gives the answer to who waits for it, if it is complete, or if no more of it is read."""
        complete = b"\r\n\r\n" in self._bytes or b"\n\n" in self._bytes
        over = complete or self._lost or len(self._bytes) > MAX_ANSWER
        if over and self._answer is not None and not self._answer.done():
            self._answer.set_result(self._bytes)


async def open_socks(made: socket.socket, host: str, port: int, proxy: Proxy) -> None:
    """Asks the SOCKS 5 proxy to which `made` is connected for a way to `host`. Raises ConnectError.

    If `host` is a name, the proxy looks it up.
    """
    reached = cast("SocksProxy", _Reached(made))
    try:
        socks = SocksProxy(
            ProxyType.SOCKS5, proxy.host, proxy.port, proxy.user, proxy.password, rdns=True, forward=reached
        )
        await socks.connect(host, port, timeout=YEAR)
    except (ProxyError, OSError) as error:
        if is_exhausted(error):
            raise overloaded() from error
        message = f"{proxy.name} gave no way to {authority(host, port)}: {cut(str(error))}"
        raise ConnectError(message, code="proxy_error") from error
    except ValueError:  # user or password beyond ASCII or 255 bytes; the error would show it
        raise ConnectError(f"{proxy.name}: user or password cannot be sent by SOCKS 5", code="proxy_error") from None


class _Reached:
    """In place of a proxy before the proxy: python-socks would connect by itself, to one address of a name."""

    def __init__(self, made: socket.socket) -> None:
        self._made = made

    async def connect(self, dest_host: str, dest_port: int, timeout: float | None = None) -> socket.socket:
        """The socket that is connected already."""
        return self._made
