"""Every test of the native transport runs on both event loops."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest
import trustme
import uvloop

POLICIES = {"asyncio": asyncio.DefaultEventLoopPolicy, "uvloop": uvloop.EventLoopPolicy}


@pytest.fixture(autouse=True, params=POLICIES)
def event_loop_kind(request: pytest.FixtureRequest) -> Iterator[str]:
    """The loop that the test's coroutine runs in."""
    kind: str = request.param
    asyncio.set_event_loop_policy(POLICIES[kind]())
    yield kind
    asyncio.set_event_loop_policy(None)


@pytest.fixture(scope="session")
def authority() -> trustme.CA:
    """Who signs the certificates of tests."""
    return trustme.CA()


@pytest.fixture(scope="session")
def ca_file(authority: trustme.CA, tmp_path_factory: pytest.TempPathFactory) -> str:
    """The authority's certificate, to be trusted."""
    path: Path = tmp_path_factory.mktemp("trust") / "ca.pem"
    authority.cert_pem.write_to_path(str(path))
    return str(path)
