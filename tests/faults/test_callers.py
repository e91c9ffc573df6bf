"""Each cell of the matrix of what callers do wrong makes the nine asserts; see `play`."""

import asyncio
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from dragoman.gateway import ServerTimeouts
from tests.faults.cells import OTHER
from tests.faults.dialects import DIALECTS, TEXT, Heard, hear, reply
from tests.faults.fault import Phase, Said, said
from tests.faults.ground import CANARIES, GUARD, Ground, Target, ground, until
from tests.faults.misdeeds import DEEDS, MAX_BODY, SAMPLE, At, Caller, Deed, Gone, Refused, Served
from tests.faults.report import chosen, played, told
from tests.faults.wire import Script, Stall, Steps
from tests.support.gateway import Got, connect

HASTY = ServerTimeouts(grace=0, head=0.2, body=0.2, stall=0.2, linger=0.1)
"""The gateway's patience with these callers."""
LARGE = (TEXT[0] * 4000, TEXT[1])
LARGEST = (TEXT[0], *("x" * 20_000,) * 400)
"""The texts of an answer that fills the gateway's buffers, and of one that no buffers hold."""
PROMPTLY = 0.1
"""Seconds in which a service is let go when its caller has left."""
PLACES = {
    At.WAITING: Phase.WAIT_HEADERS,
    At.BEGUN: Phase.WAIT_FIRST_EVENT,
    At.MID_ANSWER: Phase.MID_STREAM,
}


@pytest.mark.timeout(600)
@pytest.mark.parametrize("front", DIALECTS)
def test_what_callers_do_wrong(
    front: str,
    tmp_path: Path,
    request: pytest.FixtureRequest,
    record_property: Callable[[str, object], None],
) -> None:
    all_deeds, seed = chosen(DEEDS, SAMPLE, (), request.config)
    deeds = [deed for deed in all_deeds if deed.front == front]
    began = time.monotonic()
    wrong = asyncio.run(_play_all(deeds, front, tmp_path, strict=request.config.getoption("--faults")))
    failed = sum(map(bool, wrong.values()))
    record_property(*played("callers", len(deeds), failed, time.monotonic() - began, seed))
    assert len(wrong) == len(deeds), "two cells have the same name"
    assert not failed, told(wrong, seed)


async def _play_all(deeds: Sequence[Deed], front: str, folder: Path, *, strict: bool) -> dict[str, list[str]]:
    back = next(dialect for dialect, other in OTHER.items() if other == front)
    named = {"same": front, "other": back}
    targets = {f"{name}{over}": Target(each, over=over) for name, each in named.items() for over in ("", "TLS")}
    targets |= {f"spare-{each}": Target(each) for each in (front, back)}
    wrong: dict[str, list[str]] = {}
    async with ground(targets, folder, HASTY, max_body=MAX_BODY) as up:
        for deed in deeds:
            found = await _play(up, deed, back, strict=strict)
            if found == [LATE]:
                found = await _play(up, deed, back, strict=strict)  # a busy machine is not late twice
            wrong[str(deed)] = found
    return wrong


LATE = f"6: the service was not let go within {PROMPTLY:g} s"


async def _play(up: Ground, deed: Deed, back: str, *, strict: bool) -> list[str]:
    name, dialect = ("same", deed.front) if deed.relayed else ("other", back)
    name += "TLS" * deed.secured
    comes = deed.misdeed.comes[deed.at]
    service = up.service
    good = said(dialect, reply(dialect, stream=deed.stream), stream=deed.stream)
    service.scripts[name] = Script(_steps(deed, good))
    await until(lambda: all(wire.idle for wire in service.open) and up.rest() == up.settled)
    service.requests.clear()
    up.logged.clear()
    seen = len(up.outcomes)
    loop = asyncio.get_running_loop()
    try:
        async with asyncio.timeout(GUARD), connect(up.url) as wire:
            caller = Caller(up, wire, deed.front, f"both-{name}", stream=deed.stream)
            got = await deed.misdeed.act(caller, deed.at)
    except TimeoutError:
        return ["1: no end at all"]
    left = loop.time()
    wrong = []
    if not await until(lambda: all(wire.idle for wire in service.open)):
        wrong.append(f"6: still open: {[wire.names for wire in service.open if not wire.idle]}")
    if strict and loop.time() - left > PROMPTLY:
        wrong.append(LATE)
    if not await until(lambda: up.rest() == up.settled):
        wrong.append(f"6: {up.rest()} is not {up.settled}")
    if any(flying := up.in_flight(f"both-{name}")):
        wrong.append(f"5: in flight {flying}")
    wrong += _answers(deed, got, comes) + _rows([(row.end, row.error) for row in up.outcomes[seen:]], comes, len(got))
    asked = [request.name for request in service.requests]
    if isinstance(comes, Refused) and asked:
        wrong.append(f"4: {asked} were asked")
    shown = b"".join(f"{each.headers}".encode() + each.body for each in got) + "\n".join(up.logged).encode()
    wrong += [f"7: {canary} was shown" for canary in CANARIES if canary.encode() in shown]
    wrong += [f"8: {line}" for line in (*up.complaints, *(each for each in up.logged if each.startswith("ERROR")))]
    up.complaints.clear()
    service.scripts[name] = Script(good.whole)
    again = await up.ask(deed.front, f"both-{name}", stream=deed.stream)
    heard = hear(deed.front, again.body, stream=deed.stream)
    if (again.status, heard.text, heard.ends) != (200, "".join(TEXT), ["end"]):
        wrong.append(f"9: {again.status} {heard}")
    return wrong


def _steps(deed: Deed, good: Said) -> Steps:
    """What the service does meanwhile."""
    comes = deed.misdeed.comes[deed.at]
    match comes:
        case Served(large=True) | Gone() if deed.misdeed.name.startswith("reads"):
            texts = LARGE if isinstance(comes, Served) else LARGEST
            return said(good.dialect, reply(good.dialect, texts, stream=deed.stream), stream=deed.stream).whole
        case Gone() if deed.at in PLACES:
            return (*good.before(PLACES[deed.at]), Stall())
        case _:
            return good.whole


def _answers(deed: Deed, got: Sequence[Got], comes: Refused | Gone | Served) -> list[str]:
    match comes:
        case Gone():
            return []
        case Served(large):
            text = "".join(LARGE if large else TEXT)
            heard = [hear(deed.front, each.body, stream=deed.stream) for each in got]
            well = all((each.text, each.ends) == (text, ["end"]) for each in heard)
            return [] if got and well else [f"1: {[each.status for each in got]} {heard}"[:300]]
        case Refused(status, plain=plain):
            if [each.status for each in got] != [status]:
                return [f"1: {[(each.status, each.body[:100]) for each in got]}, not {status}"]
            said_so = Heard(ends=["error"]) if plain else hear(deed.front, got[0].body, stream=False)
            return [] if said_so.ends == ["error"] and got[0].clean else [f"1: {got[0].body!r}"]


def _rows(rows: list[tuple[str, str]], comes: Refused | Gone | Served, answered: int) -> list[str]:
    match comes:
        case Gone(end):
            wanted = [(end, "")] if end else []
        case Served():
            wanted = [("whole", "")] * answered
        case Refused(_, code):
            wanted = [("whole", code)]
    return [] if rows == wanted else [f"4: rows {rows}, not {wanted}"]


def test_each_front_has_cells_of_each_misdeed() -> None:
    assert {deed.front for deed in DEEDS} == set(DIALECTS)
    assert {deed.at for deed in DEEDS} == set(At)
