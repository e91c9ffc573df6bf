"""Records what another transport brings, and plays it again without a network."""

import asyncio
from itertools import groupby

from dragoman.errors import ConnectError, DragomanError, TruncatedStreamError
from dragoman.transport.base import CallbackTransport, Reply, RequestTemplate, Route, Transport
from dragoman.transport.replay.cassette import Cassette, Content, Piece, RecordedExchange, RecordedRequest
from dragoman.transport.replay.exchange import ReplayTemplate
from dragoman.transport.replay.matching import differences, shown
from dragoman.transport.replay.redaction import credentials, redacted_pieces
from dragoman.types import HttpRequest


class RecordingTransport(Transport):
    """Passes everything to `inner`, and records it in `cassette`: the exact pieces, and their times.

    Close it before the cassette is saved: then all credentials are known that replies may have given or repeated, and
    are replaced there too. They are shared by all transports that record in one cassette, in `secrets`.
    """

    def __init__(self, inner: Transport, cassette: Cassette, secrets: set[bytes] | None = None) -> None:
        self.cassette = cassette
        self._inner = inner
        self._secrets: set[bytes] = set() if secrets is None else secrets

    async def send(self, request: HttpRequest, route: Route) -> Reply:
        """`inner`'s reply."""
        exchange = RecordedExchange(request=RecordedRequest.of(request))
        self.cassette.exchanges.append(exchange)
        self._secrets.update(credentials(request))
        clock = Clock()
        try:
            reply = await self._inner.send(request, route)
        except DragomanError as exc:
            exchange.fail(exc)
            raise
        exchange.begin(reply.head, clock.milliseconds())
        return RecordingReply(reply, exchange, clock)

    def close(self) -> None:
        """Closes `inner`. May be called twice."""
        self._inner.close()
        for exchange in self.cassette.exchanges:
            pieces = redacted_pieces([piece.content.data for piece in exchange.pieces], self._secrets)
            times = [piece.t_ms for piece in exchange.pieces]
            exchange.pieces = [Piece(t_ms, Content.of(data)) for t_ms, data in zip(times, pieces, strict=True)]


class RecordingReply(Reply):
    """A reply that is recorded as it is read."""

    def __init__(self, inner: Reply, exchange: RecordedExchange, clock: "Clock") -> None:
        self.head = inner.head
        self._inner = inner
        self._exchange = exchange
        self._clock = clock

    async def read(self) -> list[bytes]:
        """`inner`'s pieces."""
        try:
            batch = await self._inner.read()
        except DragomanError as exc:
            self._exchange.fail(exc)
            raise
        if not batch:
            self._exchange.end = "clean"
        now = self._clock.milliseconds()
        self._exchange.pieces += [Piece(now, Content.of(piece)) for piece in batch]
        return batch

    def close(self) -> None:
        """Closes `inner`. May be called twice."""
        self._inner.close()


class ReplayTransport(CallbackTransport):
    """Plays `cassette`: each exchange once, in order.

    A request gets the first unplayed exchange with its method, path, query and body. If none has that body, it gets the
    first with its method, path and query, because signatures and times change. If `strict`, all must be the same except
    the host, the headers, credentials and what changes with each request (`matching.VOLATILE`). `speed`: 1.0 waits as
    long as was recorded, 2.0 half as long, None not at all. The route's timeouts do not count.
    """

    def __init__(self, cassette: Cassette, speed: float | None = None, *, strict: bool = False) -> None:
        self._unplayed = list(cassette.exchanges)
        self._is_empty = not cassette.exchanges
        self._speed = speed
        self._strict = strict

    async def send(self, request: HttpRequest, route: Route) -> Reply:
        """The recorded reply. Raises ConnectError if nothing like `request` is left, and errors that were recorded."""
        exchange = self._take(RecordedRequest.of(request))
        clock = Clock(self._speed)
        if exchange.status is None:
            raise exchange.fault.error() if exchange.fault else _stops()
        await clock.until(exchange.head_t_ms)
        return ReplayReply(exchange, clock)

    def template(self, request: HttpRequest, route: Route) -> RequestTemplate:
        """A template that plays replies to a receiver, for requests like this one."""
        return ReplayTemplate(self, request, route)

    def close(self) -> None:
        """Nothing is open."""

    def _take(self, wanted: RecordedRequest) -> RecordedExchange:
        alike = [
            exchange
            for exchange in self._unplayed
            if (exchange.request.method, exchange.request.target) == (wanted.method, wanted.target)
        ]
        if self._strict:
            same = [exchange for exchange in self._unplayed if not differences(wanted, exchange.request)]
        else:
            same = [exchange for exchange in alike if exchange.request.body == wanted.body] + alike
        found = next(iter(same), None)
        if found is None:
            missing = ConnectError(self._nothing_like(wanted), code="not_in_cassette")
            missing.retryable = False  # no wait helps, and another target would hide it
            if self._strict:
                missing.add_note("The mode `all` records anew, as does `pytest --dragoman-record=all`.")
            raise missing
        self._unplayed = [exchange for exchange in self._unplayed if exchange is not found]
        return found

    def _nothing_like(self, wanted: RecordedRequest) -> str:
        """What is missing, and how the nearest that is left differs from it; quotes no prompt."""
        if self._is_empty:
            return f"there is no cassette with {wanted.method} {wanted.target.removesuffix('?')}: record one first"
        missing = f"the cassette holds no further {wanted.method} {wanted.target.removesuffix('?')}"
        if not self._unplayed:
            return f"{missing}; all that it held was played"
        unlike = min((differences(wanted, exchange.request) for exchange in self._unplayed), key=_distance)
        return f"{missing}; the nearest differs in {shown(unlike)}" if unlike else missing


class ReplayReply(Reply):
    """A recorded reply."""

    def __init__(self, exchange: RecordedExchange, clock: "Clock") -> None:
        self.head = exchange.head
        self._exchange = exchange
        self._clock = clock
        reads = groupby(exchange.pieces, _moment)
        self._reads = [(t_ms, [piece.content.data for piece in pieces]) for t_ms, pieces in reads]
        self._reads.reverse()
        self._closed = False

    async def read(self) -> list[bytes]:
        """The pieces that came in one read."""
        if self._closed:
            raise TruncatedStreamError("the reply was closed before its end")
        if self._reads:
            t_ms, pieces = self._reads.pop()
            await self._clock.until(t_ms)
            return pieces
        if self._exchange.end == "clean":
            return []
        raise self._exchange.fault.error() if self._exchange.fault else _stops()

    def close(self) -> None:
        """Ends it. May be called twice."""
        self._closed = self._closed or bool(self._reads) or self._exchange.end != "clean"


class Clock:
    """Time since a request. `speed`: how fast recorded time passes; None: at once."""

    def __init__(self, speed: float | None = None) -> None:
        self._speed = speed
        self._start = asyncio.get_running_loop().time()

    def milliseconds(self) -> float:
        """Since the request, to the microsecond."""
        return round((asyncio.get_running_loop().time() - self._start) * 1000, 3)

    async def until(self, t_ms: float) -> None:
        """Returns when `t_ms` of recorded time have passed."""
        if self._speed is not None:
            await asyncio.sleep(max(0.0, (t_ms / self._speed - self.milliseconds()) / 1000))


def _distance(places: list[str]) -> tuple[bool, int]:
    """Requests to another path are farther than any with other bodies."""
    return "path" in places or "method" in places, len(places)


def _moment(piece: Piece) -> float:
    return piece.t_ms


def _stops() -> TruncatedStreamError:
    return TruncatedStreamError("the recording stops here: its reader had left")
