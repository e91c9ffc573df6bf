"""The situations of `situations`, each on all five fronts; and the page that shows them."""

from pathlib import Path

import pytest

from dragoman.types import Outcome
from tests.faults.dialects import DIALECTS, SPARE, Heard, hear, reply
from tests.faults.fault import said
from tests.faults.ground import Ground, Target, ground, until
from tests.faults.situations import SITUATIONS, Broken, Refused, Second, Situation, table
from tests.faults.wire import Script
from tests.support.gateway import Got

PAGE = Path(__file__).parents[2] / "docs/policies/failover.md"
BEGIN, END = "<!-- the situations: `make golden` writes them -->\n", "\n<!-- end -->"


@pytest.mark.parametrize("front", DIALECTS)
async def test_what_comes_of_it(front: str, tmp_path: Path) -> None:
    names = {f"s{number}": situation for number, situation in enumerate(SITUATIONS)}
    targets = {name: Target(front, each.hasty, alone=each.unreached) for name, each in names.items()}
    async with ground({**targets, f"spare-{front}": Target(front)}, tmp_path) as up:
        for name, situation in names.items():
            got, row = await _met(up, front, name, situation)
            heard = hear(front, got.body, stream=got.status == 200)
            assert _shown(got, heard, row) == _wanted(situation, front, name), situation.name


Shown = tuple[int, str, list[str], str, str, list[str], str]
"""Status, text, ends, and of the row: how it ended, which target answered, which codes failed, the error."""


async def _met(up: Ground, front: str, name: str, situation: Situation) -> tuple[Got, Outcome]:
    good = said(front, reply(front, stream=True), stream=True)
    spare = said(front, reply(front, SPARE, stream=True), stream=True)
    if not situation.unreached:
        up.service.scripts[name] = situation.make(good, situation.phase)
    up.service.scripts[f"spare-{front}"] = up.service.scripts[name] if situation.both else Script(spare.whole)
    seen = len(up.outcomes)
    got = await up.ask(front, f"both-{name}", stream=True)
    assert await until(lambda: len(up.outcomes) > seen)
    assert await until(lambda: up.in_flight(f"both-{name}") == [0, 0])
    (row,) = up.outcomes[seen:]
    return got, row


def _shown(got: Got, heard: Heard, row: Outcome) -> Shown:
    codes = [attempt.code for attempt in row.attempts]
    return got.status, heard.text, heard.ends, row.end, row.target, codes, row.error


def _wanted(situation: Situation, front: str, name: str) -> Shown:
    first, second = f"{name}/m", f"spare-{front}/m"
    match situation.seen:
        case Second(code):
            return 200, "".join(SPARE), ["end"], "whole", second, [code], ""
        case Broken(code):
            text = said(front, reply(front, stream=True), stream=True).text_before(situation.phase)
            return 200, text, ["error"], "broken", first, [code], code
        case Refused(code, status, tried, codes, statuses):
            code = codes.get(front, code)
            return statuses.get(front, status), "", ["error"], "whole", "", [code] * tried, code


def test_the_page_shows_the_table(rewrite_golden: bool) -> None:
    text = PAGE.read_text()
    before, _, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    assert end, "the page has its marks"
    if rewrite_golden:
        PAGE.write_text(f"{before}{BEGIN}\n{table()}\n{END}{after}")
    assert f"{BEGIN}\n{table()}\n{END}" in PAGE.read_text(), "`make golden` writes the table"
