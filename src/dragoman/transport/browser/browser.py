"""libcurl in asyncio: transfers that can be ended at once and wait for a slow reader. Knows no protocol except HTTP."""

import asyncio
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import get_args

from curl_cffi import AsyncCurl, BrowserTypeLiteral, Curl
from curl_cffi.const import CurlOpt
from curl_cffi.curl import DEFAULT_CACERT
from curl_cffi.requests.impersonate import resolve_latest_browser_type

from dragoman.error_words import nearest
from dragoman.errors import ConfigurationError, DragomanError
from dragoman.loop.end import LoopEnd
from dragoman.transport.base import Reply, Route
from dragoman.transport.browser.at_rest import AtRest
from dragoman.transport.browser.handles import Handle, Handles
from dragoman.transport.browser.transfer import Transfer
from dragoman.transport.exhausted import check_room
from dragoman.transport.farewell import AT_ONCE
from dragoman.transport.http.coding import unpacked_reply
from dragoman.transport.http.proxy_auth import check_proxy
from dragoman.types import HttpRequest

DESCRIPTORS = 4
"""Descriptors that libcurl opens for itself before its first transfer; without them its object would never work."""


class Browser:
    """The transfers and kept connections that imitate one browser. Lives in one event loop after another."""

    def __init__(self, impersonate: str) -> None:
        self.name = _known(impersonate)
        self._multi: AsyncCurl | None = None
        self._loop_end: LoopEnd | None = None
        self._transfers: set[Transfer] = set()
        self._handles = Handles(self.name)
        self._at_rest = AtRest()
        self._trust = CaBundle()

    async def open(self, request: HttpRequest, route: Route) -> Reply:
        """The reply, once its head is here."""
        multi = await self._here()
        transfer = self._begin(multi, request, route)
        try:
            try:
                await transfer.arrive()
            except DragomanError:
                if not transfer.stale or transfer.passed() > AT_ONCE:
                    raise
                # Sent once more, as over our own transport: libcurl does so in HTTP/1.1, but not in HTTP/2.
                transfer = self._begin(multi, request, route, instead_of=transfer)
                await transfer.arrive()
            check_proxy(transfer, transfer.origin)
        except BaseException:
            transfer.close()
            raise
        return unpacked_reply(transfer, request.method)

    def close(self) -> None:
        """Ends every connection. May be called twice."""
        loop_end, self._loop_end = self._loop_end, None
        self._end()
        if loop_end is not None:
            loop_end.end()

    def _begin(
        self, multi: AsyncCurl, request: HttpRequest, route: Route, instead_of: Transfer | None = None
    ) -> Transfer:
        """A transfer; in place of a stale one over a fresh connection, and in the time that is left."""
        handle = self._handles.take(request, route, self._trust.file(route.ca_file))
        fresh = instead_of is not None or self._at_rest.disturbed(handle.target.origin)
        handle.setopt(CurlOpt.FRESH_CONNECT, int(fresh))
        passed = 0.0 if instead_of is None else instead_of.passed()
        transfer = Transfer(multi, handle, request, route, self._left, passed=passed)
        self._transfers.add(transfer)
        return transfer

    def _end(self) -> None:
        multi, self._multi = self._multi, None
        if multi is not None and multi.loop.is_closed():
            multi.loop = _Ended()  # type: ignore[assignment]  # it has the methods that are called
        for transfer in list(self._transfers):
            # If its loop has ended, no callback can be scheduled there.
            with suppress(RuntimeError):
                transfer.close()
        if multi is not None:
            _close(multi)
        self._handles.close()
        self._at_rest.clear()
        self._trust.close()

    def _left(self, transfer: Transfer, handle: Handle, *, well: bool) -> None:
        self._transfers.discard(transfer)
        if well:
            self._at_rest.add(transfer.origin, transfer.socket)
            self._handles.give_back(handle)
        else:
            handle.close()

    async def _here(self) -> AsyncCurl:
        if self._multi is not None and self._multi.loop is not asyncio.get_running_loop():
            self.close()  # nothing of the old loop can be awaited any more
        if self._multi is None:
            check_room(DESCRIPTORS)
            self._multi = multi = AsyncCurl()
            self._loop_end = LoopEnd(self._end)
            await self._loop_end.begin()
            return multi
        return self._multi


def _close(multi: AsyncCurl) -> None:
    """Closes `multi` here and now.

    Its `close` is a coroutine only because it waits for its own timer task, which it has cancelled. It continues as
    soon as that wait is cancelled too (curl_cffi 0.16, 2026-11).
    """
    closing = multi.close()  # type: ignore[no-untyped-call]  # curl_cffi has no annotation here
    try:
        closing.send(None)
        closing.throw(asyncio.CancelledError())
    except StopIteration:
        return


class _Ended:
    """In place of a loop that has ended, while libcurl removes its callbacks from it."""

    def is_closed(self) -> bool:
        return True

    def remove_reader(self, fd: int) -> None:
        """Does nothing: a loop that has ended reads nothing."""

    def remove_writer(self, fd: int) -> None:
        """Does nothing."""

    def call_later(self, delay: float, callback: object, *args: object) -> None:
        """Does nothing, too."""


def _known(impersonate: str) -> str:
    """libcurl's own name of the browser. Raises ConfigurationError that names the nearest."""
    name = str(resolve_latest_browser_type(impersonate))  # type: ignore[no-untyped-call]  # curl_cffi has no annotation here
    probe = Curl()
    try:
        known = probe.impersonate(name) == 0
    finally:
        probe.close()
    if not known:
        hint = nearest(impersonate, get_args(BrowserTypeLiteral))
        raise ConfigurationError(f"impersonate={impersonate!r} is no browser known to curl_cffi{hint}")
    return name


class CaBundle:
    """Files of certificates to trust: libcurl takes one file, so further ones are joined to the system's own."""

    def __init__(self) -> None:
        self._folder: TemporaryDirectory[str] | None = None
        self._files: dict[str | None, str] = {None: DEFAULT_CACERT}

    def file(self, extra: str | None) -> str:
        """The file that also holds the certificates of `extra`. Raises ConfigurationError if `extra` cannot be read."""
        if extra not in self._files:
            self._files[extra] = self._join(str(extra))
        return self._files[extra]

    def close(self) -> None:
        """Removes the files that were written."""
        self._files = {None: DEFAULT_CACERT}
        if self._folder is not None:
            self._folder.cleanup()
            self._folder = None

    def _join(self, extra: str) -> str:
        try:
            more = Path(extra).read_bytes()
        except OSError as exc:
            raise ConfigurationError(f"ca_file {extra!r} cannot be read: {exc.strerror}") from exc
        if self._folder is None:
            self._folder = TemporaryDirectory(prefix="dragoman-")
        path = Path(self._folder.name, f"{len(self._files)}.pem")
        path.write_bytes(Path(DEFAULT_CACERT).read_bytes() + b"\n" + more)
        return str(path)
