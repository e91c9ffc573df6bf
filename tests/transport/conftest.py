"""The event loops that tests run on."""

import asyncio
from collections.abc import Iterator

import pytest
import uvloop

POLICIES = {"asyncio": asyncio.DefaultEventLoopPolicy, "uvloop": uvloop.EventLoopPolicy}


@pytest.fixture(params=POLICIES)
def event_loop_kind(request: pytest.FixtureRequest) -> Iterator[str]:
    """The loop that the test's coroutine runs in."""
    kind: str = request.param
    asyncio.set_event_loop_policy(POLICIES[kind]())
    yield kind
    asyncio.set_event_loop_policy(None)
