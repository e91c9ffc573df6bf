"""Requests by hand, for providers without a known protocol: a small session over the transports."""

from collections.abc import AsyncIterator, Iterator, Mapping
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlencode

from dragoman.errors import BadEventError
from dragoman.providers.session.errors import raise_for_status, reply_error
from dragoman.transport.base import Reply, Route, Timeouts, read_all
from dragoman.transport.selector import Transports
from dragoman.types import HttpRequest, ResponseHead
from dragoman.wire import floats, javascript, json
from dragoman.wire.lines import LineReader
from dragoman.wire.utf8 import well_formed

__all__ = ["StreamResponse", "StreamSession", "raise_for_status"]

Body = bytes | str | Mapping[str, str] | None
"""Bytes and text as they are; a mapping as a form."""

FORM = "application/x-www-form-urlencoded"


class StreamSession:
    """Requests to services, like a browser's if `impersonate` names one (`chrome107`).

    `proxies`: `{"all" | "http" | "https": URL}`; None: those that the environment names. `timeout`: the longest silence
    in seconds, before the first byte and between bytes.
    """

    def __init__(
        self,
        impersonate: str | None = None,
        proxies: Mapping[str, str | None] | None = None,
        timeout: float = 120,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        self._impersonate = impersonate
        self._proxies = None if proxies is None else dict(proxies)
        self._timeouts = Timeouts(first_byte=timeout, idle=timeout, total=None)
        self._headers = dict(headers or {})
        self._transports = Transports()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Ends every connection. May be called twice."""
        self._transports.close()

    def get(self, url: str, *, headers: Mapping[str, str] | None = None) -> "SessionRequest":
        """`async with session.get(url) as response`."""
        return self.request("GET", url, headers=headers)

    def post(
        self, url: str, *, json: Any = None, data: Body = None, headers: Mapping[str, str] | None = None
    ) -> "SessionRequest":
        """`async with session.post(url, json=...) as response`."""
        return self.request("POST", url, json=json, data=data, headers=headers)

    def request(
        self, method: str, url: str, *, json: Any = None, data: Body = None, headers: Mapping[str, str] | None = None
    ) -> "SessionRequest":
        """`async with session.request(method, url) as response`. `json`: any value; it is sent in place of `data`."""
        body, media_type = _body(json, data)
        named = {name.lower(): (name, value) for name, value in {**self._headers, **(headers or {})}.items()}
        if media_type is not None:
            named.setdefault("content-type", ("content-type", media_type))
        request = HttpRequest(method=method.upper(), url=url, headers=tuple(named.values()), body=body)
        return SessionRequest(
            self._transports, self._impersonate, request, Route(timeouts=self._timeouts, proxy=self._proxy(url))
        )

    def _proxy(self, url: str) -> str | None:
        """The proxy on the way to `url`."""
        if self._proxies is not None:
            return self._proxies.get(url.partition("://")[0].lower()) or self._proxies.get("all")
        from dragoman.transport.http.proxies import proxy_for  # with it comes the native transport, as in `choice`

        return proxy_for(url)


class SessionRequest:
    """A request that is sent when `async with` begins, and whose reply is closed when it ends."""

    def __init__(self, transports: Transports, impersonate: str | None, request: HttpRequest, route: Route) -> None:
        self._transports = transports
        self._impersonate = impersonate
        self._request = request
        self._route = route
        self._reply: Reply | None = None

    async def __aenter__(self) -> "StreamResponse":
        self._reply = await self._transports.pick(self._impersonate).send(self._request, self._route)
        return StreamResponse(self._reply)

    async def __aexit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._reply is not None:
            self._reply.close()


class StreamResponse:
    """A reply as it comes."""

    def __init__(self, reply: Reply) -> None:
        self.headers: Mapping[str, str] = ResponseHeaders(reply.head)
        self._reply = reply

    @property
    def status(self) -> int:
        """The HTTP status."""
        return self._reply.head.status

    @property
    def ok(self) -> bool:
        """Whether the status is one of success; a redirect is not, because it is never followed."""
        return self.status < 300

    def raise_for_status(self) -> None:
        """Raises the error that a status above 299 means; `await raise_for_status(response)` adds the body's words."""
        if not self.ok:
            raise reply_error(self._reply.head)

    async def iter_content(self) -> AsyncIterator[bytes]:
        """The body's pieces as they come."""
        while batch := await self._reply.read():
            for piece in batch:
                if piece:
                    yield piece

    async def iter_lines(self) -> AsyncIterator[bytes]:
        """The body's lines, without their LF or CRLF."""
        reader = LineReader()
        while batch := await self._reply.read():
            for piece in batch:
                for line in reader.feed(piece):
                    yield line.removesuffix(b"\r")
        if last := reader.finish():
            yield last.removesuffix(b"\r")

    async def read(self) -> bytes:
        """The rest of the body; closes the reply. Raises BadEventError if that is more than 64 MiB."""
        return await read_all(self._reply)

    async def text(self) -> str:
        """The rest of the body as UTF-8; bytes that are not UTF-8 become U+FFFD."""
        return (await self.read()).decode("utf-8", "replace")

    async def json(self) -> Any:
        """The rest of the body as JSON. Raises BadEventError."""
        try:
            return floats.decode(await self.read())
        except json.NOT_STRICT as exc:
            raise BadEventError(f"expected JSON, got {self.headers.get('content-type', 'something else')}") from exc


class ResponseHeaders(Mapping[str, str]):
    """Headers by name, in any case; values of one name are joined with commas."""

    def __init__(self, head: ResponseHead) -> None:
        self._values: dict[str, str] = {}
        for name, value in ((name.decode("latin-1").lower(), value.decode("latin-1")) for name, value in head.headers):
            self._values[name] = f"{self._values[name]}, {value}" if name in self._values else value

    def __getitem__(self, name: str) -> str:
        return self._values[name.lower()]

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)


def _body(json: Any, data: Body) -> tuple[bytes, str | None]:
    if json is not None:
        return javascript.stringify(json), "application/json"
    match data:
        case None:
            return b"", None
        case bytes():
            return data, None
        case str():
            return well_formed(data).encode(), None
        case _:
            return urlencode(data).encode(), FORM
