"""The vendors' clients for Python call the gateway in all scenarios, for every pair of dialects."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from dragoman.protocols.registry import DIALECTS
from tests.matrix.cells import play, stage
from tests.matrix.dialects import CALLERS, SERVICES
from tests.matrix.hearing import Failed, failure
from tests.matrix.report import PROPERTY, cells, judge, possible
from tests.matrix.scenes import Json
from tests.matrix.tables import BEFORE, FINISH, UNASKED, UNSAID, WITHIN

# google-genai leaves connections of aiohttp to be collected, and makes a subclass of its session.
pytestmark = [
    pytest.mark.filterwarnings("ignore:Inheritance class AiohttpClientSession:DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]


def test_every_dialect_of_an_api_is_played_at_both_ends() -> None:
    named = {name for name, dialect in DIALECTS.items() if dialect.relay is not None}
    for table in (CALLERS, SERVICES, UNASKED, UNSAID, FINISH, BEFORE, WITHIN):
        assert set(table) == named


@pytest.mark.timeout(120)
@pytest.mark.parametrize("service", SERVICES)
@pytest.mark.parametrize("caller", CALLERS)
async def test_all_that_both_can_say_arrives(
    caller: str, service: str, record_property: Callable[[str, object], None]
) -> None:
    chosen = possible(cells([caller], [service]))
    async with stage(chosen) as (url, services), CALLERS[caller].client(url) as client:

        async def asker(_: str, asked: Json, stream: bool) -> Json:
            return await sent(caller, client, asked, stream)

        await play(chosen, services, asker)
    marks, wrong = judge([(cell, services.came[cell.service, cell.name]) for cell in chosen])
    record_property(PROPERTY, json.dumps(marks))
    assert not wrong, "\n".join(wrong)


async def sent(caller: str, client: Any, asked: Json, stream: bool) -> Json:
    """What the client gives. Raises Failed for whatever it raises."""
    try:
        return await CALLERS[caller].send(client, asked, stream)
    except Failed:
        raise
    except Exception as error:  # whatever a client raises is what its caller hears
        raise Failed(failure(error)) from error
