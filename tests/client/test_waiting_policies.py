"""`continue` and `hedge` of a configuration: what they make of a route, and where they would do nothing."""

from typing import Any

import pytest

from dragoman.client import Client
from dragoman.config import Config, ModelConfig, ProfileConfig, ProviderConfig
from dragoman.config.routes import RetryConfig
from dragoman.engine.answer import whole
from dragoman.errors import ConfigurationError, DragomanError
from dragoman.transport.base import Reply, Route, Transport
from dragoman.types import ChatRequest, HttpRequest, assistant, user
from tests.shape.voices import VOICES, Answer
from tests.support.canned import CannedReply, CannedTransport

UP = ProviderConfig(protocol="openai-chat", url="http://127.0.0.1:9/v1")
CLAUDE = ProviderConfig(protocol="anthropic", url="http://127.0.0.1:9", api_key="k")
OLD, NEW = "claude/claude-sonnet-4-5", "claude/claude-opus-4-6"


def client(*targets: str, profiles: dict[str, ProfileConfig] | None = None, **said: Any) -> Client:
    """A client with one route, `fast`."""
    models = {"fast": ModelConfig(targets=targets or ("up/a", OLD), **said)}
    config = Config(providers={"up": UP, "claude": CLAUDE}, models=models, profiles=profiles or {})
    return Client(config, transport=CannedTransport())


POLICIES: list[tuple[dict[str, Any], tuple[str, ...], float | None]] = [
    ({}, (), None),
    ({"continues": True}, ("continue",), None),
    ({"hedge": True}, ("hedge",), None),
    ({"hedge": 2.5, "continues": True}, ("continue", "hedge"), 2.5),
]


@pytest.mark.parametrize(("said", "policies", "seconds"), POLICIES)
def test_a_plan_names_its_policies(said: dict[str, Any], policies: tuple[str, ...], seconds: float | None) -> None:
    plan = client(**said).plan("fast")
    assert plan.policies == policies
    assert plan.continues is ("continue" in policies)
    assert (None if plan.hedge is None else plan.hedge.seconds()) == seconds


def test_each_route_measures_its_own_time() -> None:
    models = {name: ModelConfig(targets=("up/a", "up/b"), hedge=True) for name in ("one", "two")}
    made = Client(Config(providers={"up": UP}, models=models))
    assert made.plan("one").hedge is not made.plan("two").hedge


ABLE = {
    "claude/claude-3-5-haiku-latest": True,
    "claude/claude-sonnet-4-20250514": True,
    OLD: True,
    NEW: False,
    "claude/claude-sonnet-5": False,
    "up/gpt-4o": False,
    "offline/echo": False,
}


@pytest.mark.parametrize("name", ABLE)
def test_a_model_goes_on_if_its_profile_says_so(name: str) -> None:
    (target,) = client().plan(name).targets
    assert (target.continues is not None) is ABLE[name]


def test_a_profile_of_the_configuration_says_so_too() -> None:
    (target,) = client(profiles={"llama*": ProfileConfig(prefill=True)}).plan("up/llama-4").targets
    assert target.continues is not None


USELESS: list[tuple[tuple[str, ...], dict[str, Any], str]] = [
    (("up/a",), {"continues": True}, "models.fast.continue: expected a second target"),
    ((OLD, "up/a"), {"continues": True, "retry": RetryConfig(calls=1)}, "models.fast.continue: expected a second"),
    (("up/a", NEW), {"continues": True}, "models.fast.continue: expected a target whose model takes the beginning"),
    (("up/a",), {"hedge": True}, "models.fast.hedge: expected a second target"),
    (("up/a",), {"hedge": True, "retry": RetryConfig(attempts=3)}, "models.fast.hedge: expected a second target"),
    (("up/a", "up/b"), {"hedge": 1.0, "retry": RetryConfig(calls=1)}, "models.fast.hedge: expected a second target"),
    (("up/a", "up/b"), {"hedge": 1.0, "retry": RetryConfig(after_send=False)}, "models.fast.hedge: expected no `retry"),
    ((OLD, "up/a"), {"continues": True, "retry": RetryConfig(after_send=False)}, "models.fast.continue: expected no"),
]


@pytest.mark.parametrize(("targets", "said", "message"), USELESS)
def test_a_policy_that_could_do_nothing_or_may_not_do_it_is_a_mistake(
    targets: tuple[str, ...], said: dict[str, Any], message: str
) -> None:
    with pytest.raises(ConfigurationError) as caught:
        client(*targets, **said)
    assert str(caught.value).startswith(message)


def test_one_target_that_is_asked_again_may_go_on() -> None:
    assert client(OLD, continues=True, retry=RetryConfig(attempts=2)).plan("fast").policies == ("continue",)


class Empty(Transport):
    """A service that has nothing to say."""

    async def send(self, request: HttpRequest, route: Route) -> Reply:
        kind, pieces = VOICES["anthropic"].reply(Answer(usage=(3, 1)), True)
        return CannedReply([pieces], media_type=kind)

    def close(self) -> None:
        return


async def test_an_answer_that_goes_on_may_be_empty_and_another_one_may_not() -> None:
    made = Client(Config(providers={"claude": CLAUDE}), transport=Empty())
    (target,) = made.plan(OLD).targets
    request = ChatRequest(model=OLD, messages=(user("hi"), assistant("Hello")))
    assert target.continues is not None
    answer = await target.continues(request)
    assert answer.target == OLD
    assert (await whole(answer)).text == ""
    with pytest.raises(DragomanError, match="neither content"):
        await whole(await target.open(request))
