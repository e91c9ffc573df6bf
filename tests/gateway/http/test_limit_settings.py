"""The limits of a request are settings: each at its value, and one above."""

import pytest

from dragoman.config import Config, GatewayConfig, from_tables
from dragoman.errors import ConfigurationError
from dragoman.gateway import Gateway, ServerTimeouts
from tests.support.asgi import under_uvicorn
from tests.support.gateway import ask, running_gateway
from tests.support.raw import LIVE, talk

HEAD = LIVE[: -len(b"\r\n")]
SMALL = GatewayConfig(port=0, max_head=1024, max_fields=10, max_field=256, max_body=300)


def with_fields(*fields: bytes) -> bytes:
    return HEAD + b"".join(field + b"\r\n" for field in fields) + b"Connection: close\r\n\r\n"


def of_size(size: int) -> bytes:
    """A request whose head counts `size` bytes: its path, and names and values of its fields."""
    names = [b"a%d" % number for number in range(5)]
    counted = len(b"/health/live") + len(b"hostlocalhost") + len(b"connectionclose") + sum(map(len, names))
    left = size - counted
    values = [b"x" * (left // 5 + (number < left % 5)) for number in range(5)]
    return with_fields(*(b"%b: %b" % field for field in zip(names, values, strict=True)))


@pytest.mark.parametrize(
    ("request_", "status"),
    [
        (with_fields(*[b"X: a"] * 8), 200),
        (with_fields(*[b"X: a"] * 9), 431),
        (with_fields(b"X: " + b"a" * 256), 200),
        (with_fields(b"X: " + b"a" * 257), 431),
        (HEAD.replace(b"/live", b"/live?" + b"a" * 244) + b"Connection: close\r\n\r\n", 200),
        (HEAD.replace(b"/live", b"/live?" + b"a" * 245) + b"Connection: close\r\n\r\n", 431),
        (of_size(1024), 200),
        (of_size(1025), 431),
    ],
    ids=["fields", "one field more", "a field", "a byte more", "a target", "a longer one", "a head", "a larger one"],
)
async def test_a_head_at_the_limit_and_one_above(request_: bytes, status: int) -> None:
    async with running_gateway(Config(gateway=SMALL)) as url:
        assert [got.status for got in await talk(url, request_)] == [status]


async def test_an_application_in_another_server_reads_the_same_settings() -> None:
    async with under_uvicorn(Config(gateway=SMALL)) as url:
        for size, status in ((301, 413), (300, 400)):
            assert (await ask(url, "POST", "/v1/chat/completions", body=b" " * size)).status == status
        for size, status in ((257, 431), (256, 200)):
            assert (await ask(url, "GET", "/health/live", {"X": "a" * size})).status == status


async def test_waits_are_settings_too() -> None:
    table = {"head_timeout": 1, "body_timeout": 2, "idle_timeout": 3, "stall_timeout": 4, "heartbeat": 5, "grace": 6}
    gateway = Gateway(from_tables({"gateway": table}, {}))
    assert gateway.timeouts == ServerTimeouts(head=1, body=2, idle=3, stall=4, heartbeat=5, head_after=10, grace=6)
    await gateway.aclose()
    gateway = Gateway(Config())
    assert gateway.timeouts == ServerTimeouts(head_after=10)
    await gateway.aclose()


async def test_a_caller_that_sends_no_head_is_told_so_after_the_set_time() -> None:
    async with running_gateway(timeouts=Gateway(from_tables({"gateway": {"head_timeout": 0.2}}, {})).timeouts) as url:
        assert [got.status for got in await talk(url, HEAD)] == [408]
        assert (await ask(url, "GET", "/health/live")).status == 200


@pytest.mark.parametrize("setting", ["head_timeout", "body_timeout", "idle_timeout", "stall_timeout", "heartbeat"])
def test_a_caller_is_never_waited_for_without_end(setting: str) -> None:
    with pytest.raises(ConfigurationError, match=rf"gateway\.{setting}: expected a number from 0\.01 to 86400"):
        from_tables({"gateway": {setting: float("inf")}}, {})
