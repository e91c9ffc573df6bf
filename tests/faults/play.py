"""A cell is played, and the nine asserts are made: what is wrong is returned, in words that begin with their numbers.

1  one terminal outcome, in the caller's dialect, in time      6  the connection to the service closed, or clean in its
2  the mark of success only if the service ended well             pool; descriptors, tasks and threads as before
3  the text is a beginning of the service's, and not repeated  7  no canary in the answer, in the log, in the row
4  one row of the request log, with status, attempts, tokens   8  nothing unhandled
5  nobody in flight                                            9  the next request is answered well
"""

import asyncio
from collections.abc import Sequence
from pathlib import Path

from msgspec import Struct

from dragoman.routing.retry import FIRST
from dragoman.types import Outcome
from tests.faults.cells import Cell
from tests.faults.certificates import spoiled, trusted
from tests.faults.dialects import SPARE, TEXT, Heard, hear, reply
from tests.faults.fault import Fails, Phase, Said, Well, said
from tests.faults.ground import CANARIES, HASTY, PROMPT, Ground, Target, ground, host_of, until
from tests.faults.h2 import ALPN, Acts, H2Service
from tests.faults.h2_faults import well
from tests.faults.proxies import Tunnels, Way
from tests.faults.wire import Listening, Script, Service, Unheard, Wire
from tests.support.gateway import Got
from tests.support.names import HERE
from tests.support.raw import turns

LATEST = (HASTY.total or 0.0) + 0.25
"""Seconds in which a cell's answer must be over: the longest timeout, and what the contract allows beyond it."""

CONNECTING = frozenset({Phase.DNS, Phase.CONNECT, Phase.PROXY, Phase.TLS})
LARGE = 300_000
AT_ONCE = 400
"""Cells before one gateway, which counts so many targets at most."""


STATUSES: dict[str, dict[str | int, int]] = {
    "anthropic": {"insufficient_quota": 402, 503: 529},
    "gemini": {"insufficient_quota": 402},
}
"""Statuses of a front for failures, or for statuses, that others have another one for."""


class Expected(Struct, frozen=True):
    """What the caller must see of a cell."""

    text: str
    """The whole text, or, if it breaks off, what has come before."""
    broken: bool = False
    error: str = ""
    status: int | None = 200
    spare: bool = False
    """Whether the other target answers."""
    tokens: int | None = 20
    retry_after: str | None = None


def expected(cell: Cell, good: Said) -> Expected:
    """What must be seen of `cell`."""
    fate = cell.fate
    if isinstance(fate, Well):
        return Expected("".join(TEXT) if fate.text is None else fate.text, tokens=fate.tokens)
    if before := good.text_before(Phase.TAIL if fate.at_end else cell.phase):
        return Expected(before, broken=True, error=fate.code)
    if cell.fallback and fate.next:
        return Expected("".join(SPARE), spare=True)
    own = STATUSES.get(cell.front, {})
    status = own.get(fate.code, fate.status)
    status = None if status is None else own.get(status, status)
    return Expected("", error=fate.code, status=status, retry_after=fate.retry_after)


def target(cell: Cell) -> Target:
    """The target of a cell, as the gateway knows it."""
    fault = cell.fault
    forwarded = fault.way is not None and fault.way.kind == "forward"
    return Target(
        cell.dialect,
        hasty=fault.hasty,
        small=200_000 if fault.small else None,
        alone=not forwarded
        and (fault.way is not None or fault.h2 is not None or cell.phase in {Phase.CONNECT, Phase.TLS}),
        tls=bool(fault.tls) or fault.h2 is not None,
        over=cell.over,
        h2=fault.h2 is not None,
        named=bool(fault.names),
        way=fault.way,
        reached=cell.phase not in CONNECTING,
        retry=fault.retry,
    )


async def play_all(cells: Sequence[Cell], folder: Path, *, strict: bool) -> dict[str, list[str]]:
    """What is wrong, by cell; nothing for those that are well. `strict`: also whether it came in time."""
    wrong: dict[str, list[str]] = {}
    for h2 in (False, True):
        some = [cell for cell in cells if (cell.fault.h2 is not None) is h2]
        for begin in range(0, len(some), AT_ONCE):
            place = folder / f"{h2} {begin}"
            place.mkdir(parents=True)
            wrong |= await _play_some(some[begin : begin + AT_ONCE], place, strict=strict)
    return wrong


async def _play_some(cells: Sequence[Cell], folder: Path, *, strict: bool) -> dict[str, list[str]]:
    """The same of cells on one ground."""
    names = {f"c{number}": cell for number, cell in enumerate(cells)}
    dialects = sorted({cell.dialect for cell in cells})
    targets = {name: target(cell) for name, cell in names.items()}
    targets |= {f"spare-{each}": Target(each) for each in dialects}
    wrong: dict[str, list[str]] = {}
    async with ground(targets, folder) as up:
        played = Played(up)
        for name, cell in names.items():
            found = await played.play(cell, name, strict=strict)
            if found and (found == [LATE] or cell.fault.hasty):
                found = await played.play(cell, name, strict=strict)  # a busy machine is not late twice
            wrong[str(cell)] = found
    return wrong


LATE = f"1: not over after {LATEST:g} s"


class Played:
    """Plays cells one after another, on the same ground."""

    def __init__(self, up: Ground) -> None:
        self._up = up
        self._service = up.service
        self._opened: Listening | None = None
        """What listens at the present target's own port."""

    async def play(self, cell: Cell, name: str, *, strict: bool) -> list[str]:
        """What is wrong with this cell."""
        up, service = self._up, self._service
        good = said(cell.dialect, reply(cell.dialect, stream=cell.stream), stream=cell.stream)
        spare = said(cell.dialect, reply(cell.dialect, SPARE, stream=cell.stream), stream=cell.stream)
        service.scripts[name] = cell.fault.script(good, cell.phase)
        service.scripts[f"spare-{cell.dialect}"] = Script(spare.whole)
        service.scripts["trap"] = Script(good.whole)
        self._opened = await self._spoil(cell, name, good)
        try:
            wrong = await self._ask(cell, name, good, strict=strict)
        finally:
            up.names.break_silence()
            await self._clear(name)
        if not await until(lambda: up.rest() == up.settled):
            wrong.append(f"6: {up.rest()} is not {up.settled}")
        return wrong + await self._next(cell, name, good)

    async def _ask(self, cell: Cell, name: str, good: Said, *, strict: bool) -> list[str]:
        """Asks, and makes the asserts, except what is open after it, and the next request."""
        up, service = self._up, self._service
        if cell.phase is Phase.IDLE:
            await self._heard(cell, f"{name}/m")
        await until(self._is_still)
        await turns(5)  # what was sent last has come
        seen, logged = len(up.outcomes), len(up.logged)
        service.requests.clear()
        begun = asyncio.get_running_loop().time()
        again = cell.fault.retry.attempts > 1
        model = f"both-{name}" if cell.fallback else f"again-{name}" if again else f"{name}/m"
        text = PROMPT + "x" * (LARGE if cell.fault.large else 0)
        try:
            got, heard = await self._heard(cell, model, text)
        except (TimeoutError, ConnectionError, asyncio.IncompleteReadError) as error:
            return [f"1: no answer at all: {error!r}"]
        finally:
            took = asyncio.get_running_loop().time() - begun
        latest = LATEST + (FIRST if again else 0.0)
        wrong = [LATE] if strict and took > latest else []
        wanted = expected(cell, good)
        wrong += _end(cell, got, heard, wanted) + _text(cell, heard, wanted)
        rows_due = 0 if cell.road == "library" else 1
        still = await until(lambda: self._is_still() and len(up.outcomes) >= seen + rows_due)
        rows = up.outcomes[seen:]
        if len(rows) != rows_due:
            wrong.append(f"4: {len(rows)} rows")
        elif rows:
            wrong += _row(cell, name, rows, wanted)
        elif not wanted.error and heard.tokens != wanted.tokens:
            wrong.append(f"4: {heard.tokens} tokens, not {wanted.tokens}")
        if cell.fallback and any(flying := up.in_flight(model)):
            wrong.append(f"5: in flight {flying}")
        if not still:
            wrong.append(f"6: still open: {[wire.passed('up')[:80] for wire in self._open if not wire.idle]}")
        if any(request.name == "trap" for request in service.requests):
            wrong.append("7: the redirect was followed")
        shown = f"{got.headers}".encode() + got.body + "\n".join(up.logged[logged:]).encode()
        wrong += [f"7: {canary} was shown" for canary in CANARIES if canary.encode() in shown]
        wrong += [f"8: {line}" for line in up.complaints]
        wrong += [f"8: {line}" for line in up.logged[logged:] if line.startswith(("ERROR", "CRITICAL"))]
        up.complaints.clear()
        return wrong

    async def _heard(self, cell: Cell, model: str, text: str = PROMPT) -> tuple[Got, Heard]:
        """The answer as its caller gets it, and what that makes of it."""
        if cell.road == "library":
            return await self._up.call(model, text, stream=cell.stream)
        got = await self._up.ask(cell.front, model, stream=cell.stream, text=text)
        return got, hear(cell.front, got.body, stream=cell.stream and got.status == 200)

    @property
    def _open(self) -> list[Wire]:
        """The connections to the service, and to what listens at the target's own port."""
        return [*self._service.open, *(self._opened.open if self._opened is not None else ())]

    def _is_still(self) -> bool:
        """Whether each of them is closed, or clean in its pool."""
        return all(wire.idle for wire in self._open)

    async def _spoil(self, cell: Cell, name: str, good: Said) -> Listening | None:
        """Makes the target's own port what the cell says; returns what listens there."""
        fault = cell.fault
        if fault.names:
            self._up.names.set(host_of(name), *fault.names)
        port = self._up.ports.get(name)
        if port is None:
            return None
        if fault.way is not None and fault.way.there:
            proxy = self._proxy(fault.way, cell.over)
            await port.listen(proxy)
            return proxy
        if fault.h2 is not None:
            return await _speaking_h2(port, fault.h2(good, cell.phase))
        if fault.tls:
            listening, context = spoiled(fault.tls)
            await port.listen(listening, context)
            return listening
        if fault.hasty:
            port.fill()
        return None

    async def _clear(self, name: str) -> None:
        """Nobody listens at the target's own port any more."""
        if self._opened is not None:
            await self._opened.close()
            self._opened = None
        elif (port := self._up.ports.get(name)) is not None:
            port.empty()

    def _proxy(self, way: Way, over: str) -> Tunnels:
        return Tunnels(way, self._up.place.ports[over])

    async def _next(self, cell: Cell, name: str, good: Said) -> list[str]:
        """The same target, now that it is well."""
        up = self._up
        script = self._service.scripts[name] = Script(good.whole)
        up.names.set(host_of(name), [HERE])
        own: Listening | None = None
        if (port := up.ports.get(name)) is not None:
            if cell.fault.h2 is not None:
                own = await _speaking_h2(port, well(good, cell.phase))
            elif cell.fault.way is not None:
                own = self._proxy(Way(cell.fault.way.kind), cell.over)
                await port.listen(own)
            else:
                own = service = Service()
                service.scripts[name] = script
                await port.listen(service, trusted() if cell.fault.tls else None)
        try:
            await turns(5)  # what was sent last has come
            got, heard = await self._heard(cell, f"{name}/m")
        except TimeoutError:
            return ["9: no end"]
        finally:
            if own is not None:
                await own.close()
        if (got.status, heard.text, heard.ends) != (200, "".join(TEXT), ["end"]):
            return [f"9: {got.status} {heard}"]
        return []


async def _speaking_h2(port: Unheard, acts: Acts) -> Listening:
    service = H2Service(acts)
    await port.listen(service, trusted(ALPN))
    return service


def _end(cell: Cell, got: Got, heard: Heard, wanted: Expected) -> list[str]:
    wrong = []
    ends = ["error" if wanted.error else "end"]
    if got.status < 500 if wanted.status is None else got.status != wanted.status:
        wrong.append(f"1: status {got.status}, not {wanted.status}: {heard.words}")
    if heard.ends != ends:
        number = 2 if "end" in heard.ends and wanted.error else 1
        wrong.append(f"{number}: ends {heard.ends}, not {ends}: {heard.words}")
    if wanted.error and not heard.words:
        wrong.append("1: an error without words")
    if cell.road == "library" and heard.code != wanted.error:
        wrong.append(f"1: {heard.code}, not {wanted.error}")
    clean = not (wanted.broken and cell.front == "gemini")
    if got.clean is not clean:
        wrong.append(f"2: the transfer's end is {'clean' if got.clean else 'cut'}")
    waits = wanted.retry_after if cell.front else None
    if waits is not None and got.headers.get("retry-after", "") != waits:
        wrong.append(f"1: retry-after {got.headers.get('retry-after')}, not {waits}")
    return wrong


def _text(cell: Cell, heard: Heard, wanted: Expected) -> list[str]:
    # What has come may be lost to a reset that follows at once. The last text may stand beside the reason to stop.
    lost = isinstance(cell.fate, Fails) and cell.fault.name.startswith("RST") and wanted.text.startswith(heard.text)
    beside = isinstance(cell.fate, Fails) and cell.fate.at_end and heard.text == "".join(TEXT)
    return [] if heard.text == wanted.text or lost or beside else [f"3: text {heard.text!r}, not {wanted.text!r}"]


def _row(cell: Cell, name: str, rows: Sequence[Outcome], wanted: Expected) -> list[str]:
    (row,) = rows
    fate = cell.fate
    ours, spare = f"{name}/m", f"spare-{cell.dialect}/m"
    codes = [fate.code] if isinstance(fate, Fails) else list(fate.after)
    says = (row.end, row.status, row.error, [attempt.code for attempt in row.attempts])
    should = ("broken" if wanted.broken else "whole", wanted.status or row.status, wanted.error, codes)
    wrong = [] if says == should else [f"4: the row says {says}, not {should}"]
    answered = spare if wanted.spare else ours
    if not wanted.error or wanted.broken:
        if row.target != answered:
            wrong.append(f"4: {row.target} answered, not {answered}")
    elif [attempt.target for attempt in row.attempts] != [ours]:
        wrong.append(f"4: tried {row.attempts}")
    counted = None if row.usage is None else row.usage.output_tokens
    if not wanted.error and counted != wanted.tokens:
        wrong.append(f"4: {counted} tokens, not {wanted.tokens}")
    return wrong
