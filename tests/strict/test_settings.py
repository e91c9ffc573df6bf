"""One set of settings in each protocol, to models of many families: what goes out, no service refuses."""

import json

import pytest

from dragoman.types import names
from tests.strict.rules import Json, refusals
from tests.strict.settings import MODELS, Limits, rule, said
from tests.strict.test_thinking import explained
from tests.strict.thinking import Levels

TURNS: Json = {"messages": [{"role": "user", "content": "hi"}]}
SCHEMA: Json = {"type": "object", "properties": {}}
FUNCTIONS: Json = {
    "tools": [{"type": "function", "function": {"name": "f", "parameters": SCHEMA}}],
    "parallel_tool_calls": False,
}
LARGE = (4096, 32000, 64000, 200_000)
"""Limits that programs send to whatever model is there."""


def _gemini(**config: object) -> Json:
    return {"contents": [{"role": "user", "parts": [{"text": "hi"}]}], "generationConfig": config}


ASKED: dict[str, tuple[Json, ...]] = {
    "openai-chat": (
        TURNS | {"temperature": 0.2, "top_p": 0.9, "frequency_penalty": 0.5, "presence_penalty": 0.5},
        TURNS | {"temperature": 1, "frequency_penalty": 0, "presence_penalty": 0, "logprobs": False},
        TURNS | {"stop": ["END"], "logprobs": True, "top_logprobs": 2},
        TURNS | FUNCTIONS,
        *(TURNS | {"max_tokens": most} for most in LARGE),
    ),
    "openai-responses": (
        {"input": "hi", "temperature": 0.2, "top_p": 0.9},
        {"input": "hi", "temperature": 1},
        *({"input": "hi", "max_output_tokens": most} for most in LARGE),
    ),
    "anthropic": (
        TURNS | {"max_tokens": 100, "temperature": 0.2, "top_p": 0.9, "top_k": 5},
        TURNS | {"max_tokens": 100, "temperature": 1},
        TURNS | {"max_tokens": 100, "stop_sequences": ["END"]},
        *(TURNS | {"max_tokens": most} for most in LARGE),
    ),
    "gemini": (
        _gemini(temperature=0.2, topP=0.9, topK=5, frequencyPenalty=0.5, presencePenalty=0.5),
        _gemini(temperature=1, frequencyPenalty=0.0, presencePenalty=0),
        _gemini(stopSequences=["END"], responseLogprobs=True, logprobs=2),
        *(_gemini(maxOutputTokens=most) for most in LARGE),
    ),
    "ollama": (
        TURNS | {"options": {"temperature": 0.2, "top_p": 0.9, "frequency_penalty": 0.5, "presence_penalty": 0.5}},
        *(TURNS | {"options": {"num_predict": most}} for most in LARGE),
    ),
}


@pytest.mark.parametrize("limits", MODELS, ids=lambda each: f"{each.provider} {each.model}")
@pytest.mark.parametrize("front", ASKED)
def test_no_setting_is_refused_and_none_changes_in_silence(front: str, limits: Limits) -> None:
    for body in ASKED[front]:
        found = explained(front, Levels(limits.provider, limits.model, (), ""), body)
        assert found.request is not None, (body, found.error)
        sent = json.loads(found.request.body)
        assert refusals((rule(limits),), sent) == [], (body, found.carried)
        asked, told = said(body | body.get("options", {})), said(sent)
        for name in ("temperature", "top_p", "stop"):
            if name in asked and name not in told and asked[name] != 1:
                assert name in names(found.losses), body
        limit = asked.get("max_tokens", asked.get("num_predict"))
        if limit is not None and limit != told["max_tokens"]:
            assert names(found.losses) == ("max_output_tokens",)
            assert limits.most in {None, told["max_tokens"]}


@pytest.mark.parametrize(
    ("front", "provider", "model", "body"),
    [
        ("openai-chat", "openai", "gpt-5", TURNS | {"temperature": 1, "max_completion_tokens": 64000}),
        ("openai-chat", "openai", "gpt-5.4", TURNS | {"temperature": 0.2}),
        ("openai-chat", "openai", "gpt-4o", TURNS | {"temperature": 0.2, "max_tokens": 16384}),
        ("openai-chat", "openai", "o3", TURNS | {"temperature": 0.2, "n": 2}),
        ("openai-chat", "openai", "unheard-of", TURNS | {"temperature": 0.2, "max_tokens": 10**9}),
        ("openai-responses", "openairesponses", "gpt-5", {"input": "hi", "temperature": 1, "top_logprobs": None}),
        ("anthropic", "anthropic", "claude-opus-4-8", TURNS | {"max_tokens": 64000, "temperature": 1}),
        ("anthropic", "anthropic", "claude-sonnet-4-5", TURNS | {"max_tokens": 64000, "temperature": 0.2}),
        ("gemini", "gemini", "gemini-2.5-pro", _gemini(maxOutputTokens=65535, frequencyPenalty=0.0)),
    ],
)
def test_a_request_whose_settings_the_model_takes_is_relayed(front: str, provider: str, model: str, body: Json) -> None:
    assert explained(front, Levels(provider, model, (), ""), body).carried == "relayed"


def test_what_changes_nothing_is_left_out_and_not_named() -> None:
    body = TURNS | {"temperature": 1, "frequency_penalty": 0, "presence_penalty": 0, "max_tokens": 10**6}
    found = explained("openai-chat", Levels("openai", "gpt-5", (), ""), body)
    assert found.request is not None
    assert json.loads(found.request.body).keys().isdisjoint({"temperature", "frequency_penalty"})
    assert names(found.losses) == ("max_output_tokens",)


@pytest.mark.parametrize(
    ("model", "effort", "limit", "budget"),
    [
        ("claude-3-haiku-20240307", None, 4096, None),
        ("claude-opus-4-1", None, 16384, None),
        ("claude-opus-4-1", "high", 32000, 16384),
        ("claude-opus-4-1", "xhigh", 32000, 23808),
        ("claude-sonnet-4-5", "max", 64000, 55808),
        ("unheard-of", None, 16384, None),
    ],
)
def test_a_limit_that_nobody_has_set_is_one_that_the_model_takes(
    model: str, effort: str | None, limit: int, budget: int | None
) -> None:
    body = TURNS | ({} if effort is None else {"reasoning_effort": effort})
    found = explained("openai-chat", Levels("anthropic", model, (), ""), body)
    assert found.request is not None
    sent = json.loads(found.request.body)
    assert (sent["max_tokens"], sent.get("thinking", {}).get("budget_tokens")) == (limit, budget)


STOPS = ["\n", "END", "", "a", "b", "c", "d"]


@pytest.mark.parametrize(
    ("provider", "model", "taken"),
    [
        ("openai", "gpt-4o", STOPS[:4]),
        ("zai", "glm-5", STOPS[:4]),
        ("gemini", "gemini-2.5-flash", STOPS[:5]),
        ("anthropic", "claude-sonnet-4-5", ["END", "a", "b", "c", "d"]),
        ("vllm", "qwen3", STOPS),
    ],
)
@pytest.mark.parametrize("front", ["openai-chat", "ollama"])
def test_no_more_texts_end_an_answer_than_the_service_takes(
    front: str, provider: str, model: str, taken: list[str]
) -> None:
    body = TURNS | ({"stop": STOPS} if front == "openai-chat" else {"options": {"stop": STOPS}})
    found = explained(front, Levels(provider, model, (), ""), body)
    assert found.request is not None
    assert said(json.loads(found.request.body))["stop"] == taken
    assert names(found.losses) == (() if taken == STOPS else ("stop",))


def test_as_many_texts_as_the_service_takes_are_relayed() -> None:
    for stop in (["a", "b", "c", "d"], "a", None):
        found = explained("openai-chat", Levels("openai", "gpt-4o", (), ""), TURNS | {"stop": stop})
        assert found.carried == "relayed"


FORMS: dict[str, Json] = {
    "openai-chat": {"response_format": {"type": "json_object"}},
    "gemini": {"generationConfig": {"responseMimeType": "application/json"}},
}
TOOLS: dict[str, Json] = {
    "openai-chat": FUNCTIONS,
    "gemini": {"tools": [{"functionDeclarations": [{"name": "f", "parametersJsonSchema": SCHEMA}]}]},
}


@pytest.mark.parametrize(
    ("provider", "model", "together"),
    [
        ("groq", "openai/gpt-oss-120b", False),
        ("cerebras", "gpt-oss-120b", False),
        ("gemini", "gemini-2.5-flash", False),
        ("geminiopenai", "gemini-2.5-flash", False),
        ("gemini", "gemini-3.7-flash", True),
        ("openai", "gpt-4o", True),
    ],
)
@pytest.mark.parametrize("front", FORMS)
def test_a_form_stands_beside_tools_only_where_it_is_taken(
    front: str, provider: str, model: str, together: bool
) -> None:
    turns = TURNS if front == "openai-chat" else _gemini()
    for more, kept in ((FORMS[front] | TOOLS[front], together), (FORMS[front], True)):
        found = explained(front, Levels(provider, model, (), ""), turns | more)
        assert found.request is not None
        sent = json.loads(found.request.body)
        form = sent.get("response_format") or sent.get("generationConfig", {}).get("responseMimeType")
        assert (form is not None) == kept
        assert ("tools" in sent) == ("tools" in more)
        assert ("response_format" in names(found.losses)) == (not kept)


@pytest.mark.parametrize(
    ("model", "has"),
    [
        ("claude-3-5-haiku-20241022", False),
        ("claude-sonnet-4-20250514", False),
        ("claude-opus-4@20250514", False),
        ("claude-opus-4-1", True),
        ("claude-sonnet-4-5", True),
        ("claude-haiku-5-5", True),
    ],
)
@pytest.mark.parametrize("field", ["response_format", "output_config", "output_format"])
def test_claude_gets_a_schema_of_its_answer_from_the_models_on_that_have_one(model: str, has: bool, field: str) -> None:
    front = "openai-chat" if field == "response_format" else "anthropic"
    form = {"type": "json_schema", "schema": SCHEMA | {"additionalProperties": False}}
    chat = {"type": "json_schema", "json_schema": {"name": "a", "schema": SCHEMA}}
    value = {"response_format": chat, "output_config": {"format": form}, "output_format": form}[field]
    found = explained(front, Levels("anthropic", model, (), ""), TURNS | {"max_tokens": 100, field: value})
    assert found.request is not None
    sent = json.loads(found.request.body)
    assert ("output_config" in sent or "output_format" in sent) == has
    assert names(found.losses) == (() if has else ("response_format",))
    assert found.carried == ("relayed" if has and front == "anthropic" else "translated")


IN_JSON: dict[str, Json] = {
    "openai-chat": {"messages": [{"role": "system", "content": "As JSON."}, {"role": "user", "content": "hi"}]},
    "gemini": {
        "systemInstruction": {"parts": [{"text": "As JSON."}]},
        "contents": [{"role": "user", "parts": [{"text": "hi"}]}],
    },
    "ollama": {"messages": [{"role": "user", "content": "hi, as Json"}]},
}
FORM_OF: dict[str, Json] = FORMS | {"ollama": {"format": "json"}}


def _read_for_json(body: Json) -> str:
    """What the service reads to find the word: of Responses neither the instructions nor system messages."""
    if "messages" in body:
        return json.dumps(body["messages"]).lower()
    return json.dumps([item for item in body["input"] if item.get("role") != "system"]).lower()


@pytest.mark.parametrize(
    ("provider", "model"),
    [
        ("openai", "gpt-4o"),
        ("openairesponses", "gpt-5.1"),
        ("groq", "openai/gpt-oss-120b"),
        ("deepseek", "deepseek-v4-pro"),
        ("vllm", "qwen3"),
    ],
)
@pytest.mark.parametrize("front", FORM_OF)
def test_json_is_asked_for_in_words_where_the_service_wants_them(front: str, provider: str, model: str) -> None:
    silent = TURNS if front != "gemini" else _gemini()
    for turns in (silent, IN_JSON[front]):
        found = explained(front, Levels(provider, model, (), ""), turns | FORM_OF[front])
        if found.carried == "relayed":
            continue  # the caller's own protocol wants the word
        assert found.request is not None
        sent = json.loads(found.request.body)
        assert ("json" in _read_for_json(sent)) == (provider != "vllm" or turns is not silent)
        assert names(found.losses) == ()
        said = provider in {"vllm", "openairesponses"} or turns is silent
        assert said or "Answer with one" not in json.dumps(sent)


def test_a_schema_that_becomes_any_object_is_asked_for_in_words() -> None:
    schema = {"type": "json_schema", "json_schema": {"name": "a", "schema": SCHEMA}}
    found = explained("openai-chat", Levels("deepseek", "deepseek-v4-pro", (), ""), TURNS | {"response_format": schema})
    assert found.request is not None
    assert "json" in _read_for_json(json.loads(found.request.body))


@pytest.mark.parametrize(
    ("model", "taken"),
    [
        ("gpt-4.1", False),
        ("o3", False),
        ("gpt-5-chat-latest", False),
        ("gpt-5-codex", False),
        ("gpt-5.1-codex-max", False),
        ("gpt-5.2-codex", False),
        ("gpt-5.3-codex", True),
        ("gpt-5.2", True),
    ],
)
@pytest.mark.parametrize("provider", ["openai", "openairesponses"])
@pytest.mark.parametrize("front", ["openai-chat", "openai-responses"])
def test_a_verbosity_goes_only_to_models_that_have_more_than_one(
    front: str, provider: str, model: str, taken: bool
) -> None:
    for word, sent in (("low", taken), ("medium", True)):
        body = {"input": "hi", "text": {"verbosity": word}} if "resp" in front else TURNS | {"verbosity": word}
        found = explained(front, Levels(provider, model, (), ""), body)
        assert found.request is not None
        told = json.loads(found.request.body)
        said_word = told.get("verbosity") or (told.get("text") or {}).get("verbosity")
        assert said_word == (word if taken or found.carried == "relayed" else None)
        assert names(found.losses) == (() if sent else ("verbosity",))
