"""Paths and methods that others might read in another way: the same path, or none, and never without its key."""

import pytest

from dragoman.config import Config, GatewayConfig
from tests.support.gateway import ask, chat_body, running, running_gateway
from tests.support.raw import talk

KEYED = Config(gateway=GatewayConfig(port=0, api_keys=("key-one",)))
OPEN = {"/health/live", "/health/ready"}
CHAT = "/v1/chat/completions"
HIDING = (
    "/health/..{path}",
    "/health/%2e%2e{path}",
    "/health/%2E%2E%2f{path}",
    "/health/live/..;{path}",
    "/health/live/%5c..{path}",
    "/health/live?{path}",
    "/health/live%00{path}",
    "/health/live%23{path}",
    "/health{path}",
    "/.{path}",
    "/{path}",
    "//{path}",
    "{path}/",
    "{path}/.",
    "{path}.",
    "{path};x",
    "{path}%20",
    "{path}%00",
    "{path}?/health/live",
    "{path}%3f/health/live",
    "http://localhost{path}",
    "http://localhost/health/..{path}",
)
"""How a path may be hidden behind one that is open, or written so that a filter does not see it."""


def spellings(path: str) -> list[str]:
    odd = [path.upper(), path.replace("/", "%2f"), path.replace("/", "\\"), path.replace("e", "%65")]
    return [each.format(path=path) for each in HIDING] + [each if each.startswith("/") else f"/{each}" for each in odd]


@pytest.mark.parametrize("path", [CHAT, "/v1/models", "/v1beta/models", "/api/tags", "/explain"])
async def test_no_spelling_of_a_path_opens_it_without_a_key(path: str) -> None:
    async with running_gateway(KEYED) as url:
        for spelt in spellings(path):
            for method, body in (("GET", b""), ("POST", chat_body("text: opened"))):
                (got, *_) = await talk(
                    url,
                    b"%b %b HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Length: %d\r\n\r\n%b"
                    % (method.encode(), spelt.encode(), len(body), body),
                )
                opened = got.status == 200 and spelt.partition("?")[0] not in OPEN
                assert not opened, (method, spelt)
                assert "opened" not in got.text
                assert "offline/" not in got.text


async def test_every_path_but_health_needs_a_key_by_every_method() -> None:
    async with running(KEYED) as up:
        for path in up.gateway._table.served():
            for method in ("GET", "POST", "PUT", "DELETE", "PATCH", "TRACE"):
                (got, *_) = await talk(
                    up.url,
                    b"%b %b HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
                    % (method.encode(), path.encode()),
                )
                assert (got.status == 200) is (path in OPEN and method == "GET"), (method, path)


@pytest.mark.parametrize("name", ["X-HTTP-Method-Override", "X-Method-Override", "X-Original-Url", "X-Rewrite-Url"])
async def test_no_field_changes_the_method_or_the_path(name: str) -> None:
    async with running_gateway(KEYED) as url:
        for value in ("GET", "/health/live", "DELETE"):
            got = await ask(url, "POST", CHAT, {name: value}, chat_body("text: hi"))
            assert got.status == 401
            got = await ask(url, "GET", "/health/live", {name: CHAT if name.endswith("Url") else "POST"})
            assert (got.status, got.text) == (200, '{"status":"ok"}')
