"""`retry.after_send` and `retry.fallback_on_400`, on and off: what a failure comes to, on each front and each way."""

from pathlib import Path

import pytest
from msgspec import Struct

from dragoman.config import RetryConfig
from dragoman.types import Outcome
from tests.faults.cells import OTHER
from tests.faults.dialects import DIALECTS, SPARE, hear, reply
from tests.faults.fault import Phase, said
from tests.faults.ground import Ground, Target, ground, until
from tests.faults.making import Make, refused
from tests.faults.play import STATUSES
from tests.faults.situations import SILENT, SITUATIONS, script_of
from tests.faults.wire import Script
from tests.support.gateway import Got

USUAL = RetryConfig()
CAREFUL = RetryConfig(after_send=False)
TWICE = RetryConfig(after_send=False, attempts=2)
"""What may be sent again would go to the same target once more."""
LENIENT = RetryConfig(fallback_on_400=True)

BY_FILTER = next(each.make for each in SITUATIONS if each.name == "content filter")
HEADERS, FIRST = Phase.WAIT_HEADERS, Phase.WAIT_FIRST_EVENT
CODED = tuple(each for each in DIALECTS if each not in SILENT)
"""Services whose protocol has a code for what a filter refused."""


def closing(number: int) -> Make:
    """A failure with this status, after which the connection ends, so that the next request comes over a new one."""
    return refused(number, "connection: close")


class Row(Struct, frozen=True):
    """What the first target does under a setting, and what comes of it."""

    retry: RetryConfig
    make: Make
    status: int | None = None
    """What the caller gets; None: the answer of the second target."""
    phase: Phase = HEADERS
    hasty: bool = False
    unreached: bool = False
    services: tuple[str, ...] = DIALECTS


ROWS = {
    "it may have run: 500": Row(TWICE, closing(500), 500),
    "it may have run: 502": Row(TWICE, closing(502), 502),
    "it may have run: 504": Row(TWICE, closing(504), 504),
    "it may have run: reset before the head": Row(TWICE, script_of("RST"), 502),
    "it may have run: no head in time": Row(TWICE, script_of("stall"), 504, hasty=True),
    "it may have run: broken before any text": Row(TWICE, script_of("FIN"), 502, FIRST),
    "it may have run: an empty answer": Row(TWICE, script_of("empty answer"), 502, FIRST),
    "it has not run: nobody listens": Row(CAREFUL, script_of("refused"), unreached=True),
    "it has not run: 503": Row(CAREFUL, closing(503)),
    "it has not run: 429": Row(CAREFUL, closing(429)),
    "it may have run, as usual: 500": Row(USUAL, closing(500)),
    "it may have run, as usual: reset before the head": Row(USUAL, script_of("RST")),
    "refused, and the next is asked: 400": Row(LENIENT, closing(400)),
    "refused, and the next is asked: 422": Row(LENIENT, closing(422)),
    "not refused as wrong: 405": Row(USUAL, closing(405)),
    "not refused as wrong: filtered": Row(LENIENT, BY_FILTER, 400, services=CODED),
    "refused, as usual: 400": Row(USUAL, closing(400), 400),
    "too large, as usual: 413": Row(USUAL, closing(413)),
    "refused, as usual: 422": Row(USUAL, closing(422), 422),
}
FRONT_OF = {
    **{("relayed", each): each for each in DIALECTS},
    **{("translated", each): OTHER[each] for each in DIALECTS},
}


@pytest.mark.parametrize("stream", [True, False], ids=["stream", "whole"])
@pytest.mark.parametrize(("way", "service"), FRONT_OF)
async def test_what_a_failure_comes_to(way: str, service: str, stream: bool, tmp_path: Path) -> None:
    front = FRONT_OF[way, service]
    rows = {f"r{number}": row for number, row in enumerate(ROWS.values()) if service in row.services}
    targets = {name: Target(service, row.hasty, alone=row.unreached, retry=row.retry) for name, row in rows.items()}
    async with ground({**targets, f"spare-{service}": Target(service)}, tmp_path) as up:
        for name, row in rows.items():
            got, outcome, asked = await _met(up, front, service, name, row, stream=stream)
            heard = hear(front, got.body, stream=stream and got.status == 200)
            assert (got.status, heard.text, heard.ends, asked) == _wanted(row, front, service, name), row
            assert [each.target for each in outcome.attempts] == [f"{name}/m"], row


async def _met(
    up: Ground, front: str, service: str, name: str, row: Row, *, stream: bool
) -> tuple[Got, Outcome, list[str]]:
    """The answer, its outcome, and the targets that got a request, in order."""
    good = said(service, reply(service, stream=stream), stream=stream)
    spare = said(service, reply(service, SPARE, stream=stream), stream=stream)
    up.service.scripts[name] = row.make(good, row.phase)
    up.service.scripts[f"spare-{service}"] = Script(
        (spare.head.replace(b"\r\n", b"\r\nconnection: close\r\n", 1), *spare.whole[1:])
    )
    up.service.requests.clear()
    seen = len(up.outcomes)
    got = await up.ask(front, f"both-{name}", stream=stream)
    assert await until(lambda: len(up.outcomes) > seen)
    (outcome,) = up.outcomes[seen:]
    # A hasty gateway may be done before the service, which is in the same process, has read what it was sent.
    assert row.unreached or await until(lambda: name in {request.name for request in up.service.requests})
    return got, outcome, [request.name for request in up.service.requests]


def _wanted(row: Row, front: str, service: str, name: str) -> tuple[int, str, list[str], list[str]]:
    asked = [] if row.unreached else [name]
    if row.status is None:
        return 200, "".join(SPARE), ["end"], [*asked, f"spare-{service}"]
    return STATUSES.get(front, {}).get(row.status, row.status), "", ["error"], asked
