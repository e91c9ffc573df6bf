"""What a service answers, and what must come out of it on every path: the files in answers/."""

import asyncio
import json
from pathlib import Path

import pytest

from tests.cases.expected import outcomes
from tests.cases.page import cases, read
from tests.cases.roads import DEFAULT, IMPATIENT, logged, roads, walk_name
from tests.cases.service import ROLES, Service, services
from tests.support.relaying import KEY
from tests.support.server import serve

ANSWERS = {"toml config": frozenset[str](), "json request": frozenset[str](), **ROLES, "toml expect": frozenset[str]()}


MAX_SHOWN = 300
"""Characters of a difference: an answer may have megabytes."""


def cut(text: str) -> str:
    """`text`, or its beginning."""
    return text if len(text) <= MAX_SHOWN else f"{text[:MAX_SHOWN]}…"


@pytest.mark.parametrize("path", cases("answers"), ids=lambda path: path.stem)
async def test_an_answer_comes_out_right_on_every_path(path: Path, tmp_path: Path) -> None:
    page = read(path, ANSWERS)
    expected = outcomes(page.table("toml expect"))
    answers = services(page)
    request, config = page.one("json request"), page.one("toml config")
    fields = json.loads(request.text) if request else {}
    usual = IMPATIENT if any(answer.end == "stall" for answer in answers) else DEFAULT
    walks = [(road, slowly) for road in expected for slowly in (False, True) if not (slowly and road.endswith("whole"))]
    async with (
        serve(Service(answers)) as service,
        roads(service.url, config.text if config else usual, fields, tmp_path) as ways,
    ):
        told = await asyncio.gather(*(ways.walk(road, slowly=slowly) for road, slowly in walks))
    lines = logged(tmp_path)
    bodies = [answer.body for answer in answers]
    differing: list[str] = []
    for (road, slowly), got in zip(walks, told, strict=True):
        name = walk_name(road, slowly=slowly)
        got.log = lines.get(name, {})
        differing += [f"{name}: {cut(text)}" for text in expected[road].differences(road, got, bodies)]
        assert KEY.encode() not in got.body, f"{name}: the service's key is shown"
    assert not differing, "\n".join([page.title, *differing])
