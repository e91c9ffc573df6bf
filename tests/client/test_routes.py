"""Which limits hold for the targets of a route."""

from typing import Any

import pytest

from dragoman.client import Client
from dragoman.client.routes import RouteMaker, Tighter, tightened
from dragoman.config import Key, from_tables
from dragoman.routing.plan import Target
from dragoman.transport.base import Timeouts

SERVICE = {"protocol": "openai-chat", "url": "http://127.0.0.1:9/v1"}
SLOW = SERVICE | {"timeouts": {"first_token": 600}}


def found(models: dict[str, Any], **services: dict[str, Any]) -> dict[str, float | None]:
    """Of each target of the route `route`, how long it may take to its first content."""
    limits: dict[str, float | None] = {}
    config = from_tables({"providers": {"a": SERVICE, "b": SERVICE, **services}, "models": models})

    def find(name: str, tighter: Tighter, *keys: Key) -> Target | None:
        service = config.providers[name.partition("/")[0]]
        own = Timeouts(**{name: value for name, value in service.timeouts.by_name().items() if value is not None})
        limits[name] = tightened(own, tighter).first_token
        return None

    RouteMaker(config, find, lambda line: None).route("route")
    return limits


BOTH = ["a/m", "b/m"]


@pytest.mark.parametrize(
    ("models", "services", "limits"),
    [
        ({"route": {"targets": ["a/m"]}}, {}, {"a/m": 120}),
        ({"route": {"targets": BOTH}}, {}, {"a/m": 30, "b/m": 30}),
        ({"route": {"targets": BOTH}}, {"b": SLOW}, {"a/m": 30, "b/m": 600}),
        ({"route": {"targets": BOTH, "timeouts": {"first_token": 90}}}, {}, {"a/m": 90, "b/m": 90}),
        ({"route": {"targets": BOTH, "timeouts": {"first_token": 900}}}, {}, {"a/m": 120, "b/m": 120}),
        ({"route": {"targets": BOTH, "timeouts": {"idle": 9}}}, {}, {"a/m": 30, "b/m": 30}),
        (
            {"route": {"targets": ["a/m", {"model": "b/m", "timeouts": {"first_token": 5}}]}},
            {},
            {"a/m": 30, "b/m": 5},
        ),
        ({"route": {"targets": ["a/m", "inner"]}, "inner": {"targets": ["b/m"]}}, {}, {"a/m": 30, "b/m": 30}),
        ({"route": {"targets": ["inner"]}, "inner": {"targets": BOTH}}, {}, {"a/m": 30, "b/m": 30}),
    ],
)
def test_a_target_must_begin_within_30_s_if_another_can_be_asked_and_nobody_has_said_else(
    models: dict[str, Any], services: dict[str, dict[str, Any]], limits: dict[str, float]
) -> None:
    assert found(models, **services) == limits


@pytest.mark.parametrize(
    ("models", "lone"),
    [
        ({"route": {"targets": ["a/m"], "retry": {"attempts": 2}}}, {"a/m": True}),
        ({"route": {"targets": BOTH}}, {"a/m": False, "b/m": False}),
        ({"route": {"targets": ["a/m"]}, "other": {"targets": BOTH}}, {"a/m": False, "b/m": False}),
        ({"other": {"targets": BOTH}, "route": {"targets": ["a/m"]}}, {"a/m": False, "b/m": False}),
        ({"outer": {"targets": ["route", "b/m"]}, "route": {"targets": ["a/m"]}}, {"a/m": False, "b/m": False}),
    ],
)
def test_a_target_that_no_route_can_replace_never_rests(models: dict[str, Any], lone: dict[str, bool]) -> None:
    client = Client({"providers": {"a": SERVICE, "b": SERVICE}, "models": models})
    assert {name: health.lone for name, health in client.healths().items()} == lone
