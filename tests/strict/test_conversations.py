"""Conversations of agents, translated: what goes out satisfies a service that is as strict as the real one."""

import json
from random import Random
from typing import Any

import pytest
from msgspec import Struct

from dragoman.client import Client
from dragoman.client.explain import Asked, explain_call
from dragoman.client.explanation import Explanation
from dragoman.config import Config, GatewayConfig, ProviderConfig
from dragoman.protocols.registry import DIALECTS
from dragoman.types import AddedWords, ServerRequest, names
from tests.strict import anthropic, catalogue, gemini, ollama, openai_chat, openai_responses
from tests.strict.rules import Json, Rule, refusals
from tests.strict.stories import Choice, sampled, single
from tests.strict.tellers import TELLERS

SEED, MANY = 20261128, 12
HEADERS = ((b"content-type", b"application/json"),)


class Strict(Struct, frozen=True):
    """A service: its class of provider, a model, and what it refuses."""

    provider: str
    model: str
    rules: tuple[Rule, ...]
    unmended: frozenset[str] = frozenset()
    """Rules that what goes out may break."""


SPEAKS_FIRST = frozenset({"the user speaks first"})
"""Nothing is made up for the user to say."""
SPEAKS_LAST = frozenset({"the assistant is not last"})
"""An answer that goes on from what the caller has begun would repeat it at Mistral (`prefix`), so that the service's
own 400 stands."""
SERVICES = {
    "anthropic": Strict("anthropic", "claude-sonnet-4-5", anthropic.RULES, SPEAKS_FIRST),
    "anthropic with levels": Strict("anthropic", "claude-opus-4-8", anthropic.RULES, SPEAKS_FIRST),
    "deepseek": Strict("deepseek", "deepseek-v4-pro", catalogue.DEEPSEEK),
    "gemini": Strict("gemini", "gemini-3-pro", gemini.RULES),
    "groq": Strict("groq", "openai/gpt-oss-120b", catalogue.COMMON),
    "llama.cpp": Strict("llamacpp", "qwen3", catalogue.COMMON),
    "mistral": Strict("mistral", "mistral-large", openai_chat.MISTRAL, SPEAKS_LAST),
    "moonshot": Strict("moonshot", "kimi-k2.6", catalogue.KIMI),
    "ollama": Strict("ollama", "qwen3", ollama.RULES),
    "openai-chat": Strict("openai", "gpt-5.1", openai_chat.RULES),
    "openai-responses": Strict("openairesponses", "gpt-5.1", openai_responses.RULES),
}


def explained(front: str, service: str, body: Json) -> Explanation:
    """What would become of a request."""
    strict = SERVICES[service]
    up = ProviderConfig(type=strict.provider, url="http://up.invalid/v1", api_key="k")
    client = Client(Config(gateway=GatewayConfig(port=0), providers={"up": up}))
    path = "/"
    if front == "gemini":
        path = f"/v1beta/models/up/{strict.model}:generateContent"
    else:
        body = body | {"model": f"up/{strict.model}"}
    call = ServerRequest(method="POST", path=path, headers=HEADERS, body=json.dumps(body).encode())
    return explain_call(client, Asked(call, DIALECTS[front].server()), 0.0)


def sent(found: Explanation) -> dict[str, Any]:
    """The body that goes out."""
    assert found.request is not None, found.error
    body: dict[str, Any] = json.loads(found.request.body)
    return body


@pytest.mark.parametrize("service", SERVICES)
@pytest.mark.parametrize("front", TELLERS)
def test_no_translated_conversation_is_refused(front: str, service: str) -> None:
    print(f"seed {SEED}")
    for choice in [*single(), *sampled(Random(f"{SEED} {front} {service}"), MANY)]:
        found = explained(front, service, TELLERS[front](choice.story))
        if found.error is not None:
            assert found.error.status == 400, choice
            assert "messages[" in str(found.error), choice
        elif found.carried == "translated":
            broken = refusals(SERVICES[service].rules, sent(found))
            assert [rule for rule in broken if rule.partition(":")[0] not in SERVICES[service].unmended] == [], choice
        else:
            assert found.carried == "relayed", choice


def told(*pieces: str, end: str = "asks", service: str) -> tuple[str, list[str]]:
    """What goes out, and what is named as lost."""
    choice = Choice("usual", pieces, end, "openai", "read")
    front = "openai-chat" if service != "openai-chat" else "ollama"
    found = explained(front, service, TELLERS[front](choice.story))
    return json.dumps(sent(found), ensure_ascii=False), list(names(found.losses))


STRICT = ["anthropic", "gemini", "openai-chat", "openai-responses"]


@pytest.mark.parametrize("service", STRICT)
def test_a_call_that_was_interrupted_is_left_out_and_named(service: str) -> None:
    body, lost = told("interrupted", service=service)
    assert "I read" in body
    assert "call_000000000000000000000001" not in body
    assert lost == ["messages[2].parts[1] (tool_call)"]


@pytest.mark.parametrize("service", STRICT)
def test_of_two_calls_the_one_that_was_answered_stays(service: str) -> None:
    body, lost = told("half interrupted", service=service)
    assert body.count('"done"') == 1
    (name,) = lost
    assert (name[:18], name[19:]) == ("messages[2].parts[", "] (tool_call)")


@pytest.mark.parametrize("service", STRICT)
@pytest.mark.parametrize("piece", ["late", "late behind words", "given twice"])
def test_results_come_to_their_calls_and_nothing_is_lost(service: str, piece: str) -> None:
    body, lost = told(piece, service=service)
    assert refusals(SERVICES[service].rules, json.loads(body)) == []
    assert body.count("done") == 2
    assert not lost
    if piece != "given twice":
        assert "are you there?" in body


@pytest.mark.parametrize("service", STRICT)
def test_a_result_that_was_repeated_is_one(service: str) -> None:
    body, lost = told("repeated", service=service)
    assert refusals(SERVICES[service].rules, json.loads(body)) == []
    assert body.count("done") == 1
    assert not lost


@pytest.mark.parametrize("front", ["openai-chat", "anthropic"])
@pytest.mark.parametrize(("piece", "carried"), [("redirected", "translated"), ("one call", "relayed")])
def test_mistral_hears_words_of_the_model_between_a_result_and_the_user(front: str, piece: str, carried: str) -> None:
    found = explained(front, "mistral", TELLERS[front](Choice("usual", (piece,), "asks", "mistral", "read").story))
    assert found.carried == (carried if front == "openai-chat" else "translated")
    assert json.dumps(sent(found)).count('"OK."') == (piece == "redirected")
    assert [str(loss) for loss in found.losses if isinstance(loss, AddedWords)] == [
        "messages[4] has some words of the model, without which the service refuses the conversation"
    ] * (piece == "redirected")


def test_the_beginning_of_an_answer_ends_without_white_space_at_anthropic() -> None:
    body, lost = told("plain", end="begun", service="anthropic")
    assert '"Once upon"' in body
    assert "messages[4].parts[0].text" in lost


def test_a_service_without_such_rules_gets_all_of_it() -> None:
    body, lost = told("interrupted", service="ollama")
    assert "call_000000000000000000000001" in body
    assert not lost
