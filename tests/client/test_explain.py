"""Explanations: the route, the first target, its bytes and the losses, by the code that carries requests."""

import json
from typing import Any

import pytest
from msgspec.structs import replace

from dragoman import Client
from dragoman.client.explain import Asked, explain_call, explain_chat
from dragoman.client.explanation import Explanation, plain
from dragoman.config import Config, ModelConfig, ProfileConfig, ProviderConfig
from dragoman.errors import InvalidRequestError, ModelNotFoundError, RateLimitError, UnsupportedFeatureError
from dragoman.protocols.openai_chat import OpenAIChatServer, OpenAICompletionsServer
from dragoman.protocols.registry import DIALECTS
from dragoman.protocols.webchat.aibn import AibnServer
from dragoman.routing.plan import Course, Plan, RequestInfo, Single, Target
from dragoman.types import ChatRequest, ServerRequest, names, user
from tests.support.nobody import NobodyTransport

UP = ProviderConfig(protocol="openai-chat", url="http://127.0.0.1:9/v1", api_key="canary")
SITE = ProviderConfig(protocol="cromicle", url="http://127.0.0.1:9")
CONFIG = Config(
    providers={"up": UP, "site": SITE, "strict": ProviderConfig(protocol="cromicle", url=SITE.url, strict=True)},
    models={"fast": ModelConfig(targets=("up/gpt-4o", "site/x", "offline/echo"))},
    profiles={"mute-*": ProfileConfig(unsupported_fields=("temperature",))},
)
CHAT: dict[str, Any] = {"model": "fast", "messages": [{"role": "user", "content": "hi"}], "temperature": 0.5}
NOW = 1.0


def explained(config: Config = CONFIG, *, model: str = "", **fields: object) -> Explanation:
    """The explanation of a request in OpenAI's protocol."""
    call = ServerRequest(method="POST", path="/v1/chat/completions", body=json.dumps(CHAT | fields).encode())
    client = Client(config, transport=NobodyTransport())
    return explain_call(client, Asked(call, OpenAIChatServer(), model=model), NOW)


def body(explanation: Explanation) -> Any:
    """What the service would be sent."""
    assert explanation.request is not None
    return json.loads(explanation.request.body)


def test_a_target_of_the_caller_s_protocol_is_relayed_to() -> None:
    found = explained(stream=True, odd=[1.50])
    assert (found.protocol, found.model, found.stream) == ("openai-chat", "fast", True)
    assert (found.route, found.strategy) == ("fast", "fallback")
    assert [(each.name, each.protocol, each.carried) for each in found.targets] == [
        ("up/gpt-4o", "openai-chat", "relayed"),
        ("site/x", "cromicle", "translated"),
        ("offline/echo", "offline", "own"),
    ]
    assert (found.target, found.carried, found.losses, found.error) == ("up/gpt-4o", "relayed", (), None)
    usage = {"stream_options": {"include_usage": True}}
    assert body(found) == CHAT | {"model": "gpt-4o", "stream": True, "odd": [1.5]} | usage
    assert found.request is not None
    assert found.request.url == "http://127.0.0.1:9/v1/chat/completions"
    assert ("authorization", "Bearer ***") in found.request.headers


def test_another_target_is_translated_for_and_the_losses_are_named() -> None:
    found = explained(model="site/x", seed=1)
    assert (found.route, found.strategy, found.target, found.carried) == (None, None, "site/x", "translated")
    assert body(found)["message"] == "hi"
    assert names(found.losses) == ("temperature", "seed")


def test_the_profile_of_the_target_s_model_is_what_the_codec_used() -> None:
    found = explain_chat(Client(CONFIG), ChatRequest(model="up/mute-1", messages=(user("hi"),), temperature=0.5), NOW)
    assert found.profile.unsupported_fields == ("temperature",)
    assert "temperature" not in body(found)
    assert (found.protocol, found.carried, names(found.losses)) == ("", "translated", ("temperature",))


def test_the_library_s_own_callers_are_always_translated() -> None:
    found = explain_chat(Client(CONFIG), ChatRequest(model="", messages=(user("hi"),)), NOW)
    assert (found.model, found.route, found.carried) == ("fast", "fast", "translated")
    assert [each.carried for each in found.targets] == ["translated", "translated", "own"]


def test_a_request_that_no_relay_reads_is_translated_to_every_target() -> None:
    call = ServerRequest(method="POST", path="/v1/completions", body=b'{"model":"fast","prompt":"hi"}')
    found = explain_call(Client(CONFIG), Asked(call, OpenAICompletionsServer()), NOW)
    assert [each.carried for each in found.targets] == ["translated", "translated", "own"]
    assert body(found)["messages"] == [{"role": "user", "content": "hi"}]


def test_a_request_that_would_be_refused_has_the_front_s_error() -> None:
    found = explained(model="site/x", messages=[{"role": "nobody", "content": "hi"}])
    assert isinstance(found.error, InvalidRequestError)
    told = plain(found)["error"]
    assert (told["status"], told["param"]) == (400, "messages[0].role")
    assert json.loads(told["body"])["error"]["param"] == "messages[0].role"
    assert (found.request, found.target) == (None, "")


def test_errors_are_in_the_words_of_each_front() -> None:
    call = ServerRequest(method="POST", path="/aibn/api/generate", body=b'{"messages":[],"sign":"x"}')
    front = AibnServer(password="sesame", model="site/x")
    told = plain(explain_call(Client(CONFIG), Asked(call, front), NOW))["error"]
    assert (told["status"], told["code"]) == (401, "invalid_password")
    assert json.loads(told["body"]) == {"error": {"message": "Invalid password."}}
    shown = plain(explain_call(Client(CONFIG), Asked(call, front, key_shown=True), NOW))["error"]
    assert shown["code"] == "invalid_signature"


def test_if_all_targets_rest_the_route_and_its_targets_are_said_all_the_same() -> None:
    client = Client(CONFIG)
    for health in client.healths().values():
        health.rests_until = NOW + 20
    call = ServerRequest(method="POST", path="/v1/chat/completions", body=json.dumps(CHAT).encode())
    for found in (
        explain_call(client, Asked(call, OpenAIChatServer()), NOW),
        explain_chat(client, ChatRequest(model="fast", messages=(user("hi"),)), NOW),
    ):
        assert isinstance(found.error, RateLimitError)
        assert (found.model, found.route, found.target) == ("fast", "fast", "")
        assert [each.name for each in found.targets] == ["up/gpt-4o", "site/x", "offline/echo"]


def test_what_is_wrong_with_the_request_comes_before_what_is_wrong_with_its_model() -> None:
    assert isinstance(explained(model="nobody").error, ModelNotFoundError)
    assert isinstance(explained(model="nobody", messages=[]).error, InvalidRequestError)
    assert explained(model="nobody").model == "nobody"


def test_a_field_that_would_steer_a_service_is_refused() -> None:
    found = explained(model="site/x", api_base="http://evil")
    assert found.error is not None
    assert found.error.code == "field_not_allowed"
    assert explained(api_base="http://evil").error is not None


def test_a_refused_loss_is_an_error_and_all_losses_are_listed_with_it() -> None:
    found = explained(model="strict/x", seed=1)
    assert isinstance(found.error, UnsupportedFeatureError)
    assert names(found.losses) == ("temperature", "seed")
    assert (found.target, found.carried, found.request) == ("strict/x", "translated", None)


@pytest.mark.parametrize("stream", [True, False])
def test_a_target_that_cannot_be_asked_is_passed_over_as_its_plan_says(stream: bool) -> None:
    routes = {
        "first": ModelConfig(targets=("openaicompatible/a", "site/x", "up/b")),
        "site": ModelConfig(targets=("strict/x", "up/b")),
    }
    config = Config(providers=CONFIG.providers, models=routes)
    found = explained(config, model="first", stream=stream)
    assert [(each.target, each.code) for each in found.skipped] == [("openaicompatible/a", "bad_configuration")]
    assert (found.target, found.carried, found.error) == ("site/x", "translated", None)
    assert plain(found)["skipped"] == [{"name": "openaicompatible/a", "code": "bad_configuration"}]
    # Another target may be able to say what the first one cannot.
    other = explained(config, model="site", stream=stream)
    assert [(each.target, each.code) for each in other.skipped] == [("strict/x", "unsupported_feature")]
    assert (other.target, other.error) == ("up/b", None)


def test_what_a_translation_cannot_read_is_refused_though_another_target_would_be_relayed_to() -> None:
    routes = {"mixed": ModelConfig(targets=("site/x", "up/b"))}
    found = explained(Config(providers=CONFIG.providers, models=routes), model="mixed", messages=[])
    assert isinstance(found.error, InvalidRequestError)
    turned = Config(providers=CONFIG.providers, models={"mixed": ModelConfig(targets=("up/b", "site/x"))})
    assert explained(turned, model="mixed", messages=[]).error is None


@pytest.mark.parametrize("protocol", DIALECTS)
def test_every_dialect_can_be_asked_and_nobody_is(protocol: str) -> None:
    providers = {"one": ProviderConfig(protocol=protocol, url="http://127.0.0.1:9", api_key="canary")}
    found = explained(Config(providers=providers), model="one/m")
    assert found.error is None
    assert found.request is not None
    assert found.request.url.startswith("http://127.0.0.1:9/")
    assert found.targets[0].protocol == protocol
    assert "canary" not in json.dumps(plain(found))


def test_the_first_of_several_requests_says_that_another_follows() -> None:
    config = Config(providers={"on": ProviderConfig(protocol="aichatonline", url="http://127.0.0.1:9")})
    told = plain(explained(config, model="on/m"))["request"]
    assert (told["method"], told["body"], told["more"]) == ("GET", "", True)


def test_json_has_all_of_it() -> None:
    told = plain(explained(model="site/x"))
    assert list(told) == [
        *("protocol", "path", "model", "stream", "route", "strategy", "sticky", "policies", "targets", "skipped"),
        *("target", "carried", "profile", "request", "losses", "error"),
    ]
    assert told["losses"] == [
        {
            "name": "temperature",
            "severity": "loss",
            "words": "temperature was left out: the service's protocol has no such setting",
        }
    ]
    assert json.loads(told["request"]["body"])["message"] == "hi"
    assert told["request"]["headers"] == [
        ["accept", "*/*"],
        ["content-type", "application/json"],
        ["x-dragoman-hops", "1"],
    ]
    assert json.loads(json.dumps(told)) == told


class Counting(Plan):
    """A plan that counts what it is asked."""

    def __init__(self, targets: tuple[Target, ...]) -> None:
        self.targets = targets
        self.asked = 0

    def begin(self, info: RequestInfo, now: float) -> Course:
        self.asked += 1
        return Single(self.targets[0])

    def preview(self, info: RequestInfo, now: float) -> Course:
        return Single(self.targets[1])


class Planned(Client):
    """Every model is answered by one plan."""

    counting: Counting

    def plan(self, model: str) -> Counting:
        if not hasattr(self, "counting"):
            self.counting = Counting(super().plan(model).targets)
        return self.counting


def test_a_policy_is_asked_what_it_would_do_and_counts_nothing() -> None:
    client = Planned(CONFIG, transport=NobodyTransport())
    found = explain_chat(client, ChatRequest(model="fast", messages=(user("hi"),)), NOW)
    assert (found.target, client.counting.asked) == ("site/x", 0)


def test_a_route_with_a_policy_that_reads_events_is_translated_and_says_so() -> None:
    models = {"fast": ModelConfig(targets=("up/gpt-4o", "site/x"), hedge=2.0)}
    found = explained(replace(CONFIG, models=models), stream=True)
    assert (found.policies, found.carried) == (("hedge",), "translated")
    assert [each.carried for each in found.targets] == ["translated", "translated"]
    assert plain(found)["policies"] == ["hedge"]
    assert explained(stream=True).policies == ()
