"""aiohttp's sessions, a caller's or our own, and requests through them. Knows no protocol except HTTP."""

import asyncio
import ssl
from contextlib import suppress
from functools import partial

from aiohttp import (
    BaseConnector,
    ClientConnectorError,
    ClientResponse,
    ClientSession,
    ClientTimeout,
    DummyCookieJar,
    TCPConnector,
)
from yarl import URL

from dragoman.errors import BadEventError, ConfigurationError
from dragoman.loop.end import LoopEnd
from dragoman.transport.aiohttp.errors import ERRORS, map_error, phase_of
from dragoman.transport.aiohttp.reply import AiohttpReply
from dragoman.transport.base import Reply, Route
from dragoman.transport.deadlines import Deadlines, opening, together
from dragoman.transport.exhausted import is_exhausted, overloaded
from dragoman.transport.heads import MAX_HEAD, check_reply_head
from dragoman.transport.http.coding import unpacked_reply
from dragoman.transport.http.proxy_auth import check_proxy
from dragoman.transport.http.target import head, parse
from dragoman.transport.trust import Trust
from dragoman.types import HttpRequest

AUTOMATIC = ("User-Agent", "Accept", "Accept-Encoding", "Content-Type")
"""Headers that aiohttp would add by itself."""


class Sessions:
    """The session that requests go through, and the replies that are open."""

    def __init__(self, session: ClientSession | None, connector: BaseConnector | None) -> None:
        self._given = session
        self._connector = connector
        self._own: ClientSession | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._loop_end: LoopEnd | None = None
        self._replies: set[AiohttpReply] = set()
        self._trust = Trust()

    async def open(self, request: HttpRequest, route: Route) -> Reply:
        """The reply, once its head has arrived."""
        target = parse(request.url, route.proxy)
        head(request, target)  # raises for what no transport of ours sends
        if route.proxy is not None and route.proxy.startswith("socks"):
            raise ConfigurationError(
                "aiohttp speaks to http and https proxies only: for SOCKS give a connector that does it, or none"
            )
        deadlines = Deadlines(route.timeouts, request.url)
        if self._given is None and self._loop is not asyncio.get_running_loop():
            await self._move()
        response = await self._request(request, route, deadlines)
        reply = AiohttpReply(response, deadlines, marks=request.mark_chunks, left=self._replies.discard)
        self._replies.add(reply)
        check_proxy(reply, target.origin)
        try:
            check_reply_head(reply.head, deadlines.host)
        except BadEventError:
            reply.close()
            raise
        return unpacked_reply(reply, request.method)

    def close(self) -> None:
        """Closes what is open; a session or connector of the caller's stays as it is."""
        self._end()
        loop_end, self._loop_end, self._loop = self._loop_end, None, None
        if loop_end is not None:
            loop_end.end()

    async def _move(self) -> None:
        """Moves to the running loop: nothing of the last one can be awaited any more."""
        self.close()
        self._loop = asyncio.get_running_loop()
        self._loop_end = LoopEnd(self._end)
        await self._loop_end.begin()

    def _end(self) -> None:
        for reply in list(self._replies):
            # If its loop has ended, no callback can be scheduled there.
            with suppress(RuntimeError):
                reply.close()
        own, self._own = self._own, None
        if own is None:
            return
        connector = own.connector
        own.detach()
        if self._connector is None and connector is not None:
            _close(connector)

    async def _request(self, request: HttpRequest, route: Route, deadlines: Deadlines) -> ClientResponse:
        timeouts = route.timeouts
        session = self._session()
        _close_disturbed(session.connector)
        plain = not any(name.lower() == "accept-encoding" for name, _ in request.headers)
        ask = partial(
            session.request,
            request.method,
            URL(request.url, encoded=True),
            data=request.body or None,
            headers=[*request.headers, *([("accept-encoding", "identity")] if plain else [])],
            skip_auto_headers=AUTOMATIC,
            allow_redirects=False,
            auto_decompress=False,
            max_line_size=MAX_HEAD,
            max_field_size=MAX_HEAD,
            proxy=route.proxy,
            ssl=self._context(route.ca_file),
            timeout=ClientTimeout(
                total=None,
                connect=together(timeouts.pool, opening(route, request.url)),
                sock_connect=timeouts.connect,
                sock_read=timeouts.first_byte,
            ),
        )
        try:
            return await deadlines.within(ask, "total", None)
        except ERRORS as exc:
            phase = phase_of(exc)
            if phase is not None:
                limit = timeouts.first_byte if phase == "first_byte" else timeouts.connect
                raise deadlines.over(phase, limit) from None
            if isinstance(exc, ClientConnectorError) and is_exhausted(exc):
                raise overloaded() from None
            # The causes that aiohttp's errors would be hold the URL, the headers and the proxy's password.
            raise map_error(exc, deadlines.host) from None

    def _session(self) -> ClientSession:
        if self._given is not None:
            return self._given
        if self._own is None:
            # Without kept connections no request fails on a stale one, and closing has nothing to wait for.
            connector = self._connector or TCPConnector(force_close=True)
            self._own = ClientSession(
                connector=connector,
                connector_owner=self._connector is None,
                cookie_jar=DummyCookieJar(),
                trust_env=False,
            )
        return self._own

    def _context(self, ca_file: str | None) -> ssl.SSLContext | bool:
        """Ours; True is that of a caller's session or connector, which may have one of its own."""
        given = self._given is not None or self._connector is not None
        return True if ca_file is None and given else self._trust.context(ca_file)


def _close_disturbed(connector: BaseConnector | None) -> None:
    """Closes the kept connections on which something has come, or that have ended.

    aiohttp looks for that when a request is over, and not before the next (3.14, 2026-11): so an answer that nobody
    asked for would be that of the next request.
    """
    for kept in connector._conns.values() if connector is not None else ():
        for protocol, _ in kept:
            if protocol.should_close:
                protocol.close()  # `connector` drops what is not connected


def _close(connector: BaseConnector) -> None:
    """Closes `connector` at once: it has no connection left, so its coroutine has nothing to wait for."""

    async def closing() -> None:
        await connector.close()

    step = closing()
    try:
        step.send(None)
    except StopIteration:
        return
    step.close()
