"""The loss manifest: exact, and in a stable order."""

import re
from functools import partial
from typing import Any, get_args

import pytest
from msgspec.structs import replace

from dragoman.errors import InvalidRequestError, UnsupportedFeatureError
from dragoman.protocols.answer_losses import answer_losses
from dragoman.protocols.base import ClientCodec
from dragoman.protocols.losses import REASONING, refuse
from dragoman.protocols.losses import losses as manifest
from dragoman.protocols.openai_chat import OpenAIChatClient
from dragoman.protocols.profiles import Compilers, changes, supported, untaken
from dragoman.protocols.registry import DIALECTS
from dragoman.protocols.speech import ALWAYS, ANYWHERE, CACHE, DETAILS, DEVELOPER, NAMES, PARTS, SOURCES, TOOL_DETAILS
from dragoman.protocols.tools.paired_calls import unanswered
from dragoman.protocols.tools.schema.compiler import EVERYTHING as EVERYTHING_SAID
from dragoman.protocols.tools.schema.compiler import compiled
from dragoman.types import (
    AddedWords,
    ChangedField,
    ChangedRole,
    ChatRequest,
    ContinuedAnswer,
    EmulatedCompaction,
    EmulatedForm,
    Extra,
    Image,
    Loss,
    LossBehind,
    LostEvent,
    LostField,
    LostPart,
    Message,
    ModelProfile,
    MovedPart,
    PartEnd,
    PartStart,
    PromptedTools,
    Reasoning,
    ReasoningConfig,
    RefusedPrefill,
    RefusedQuestion,
    RenamedTool,
    ResponseEnd,
    ResponseFormat,
    ResponseStart,
    StreamEvent,
    Text,
    Tool,
    ToolCall,
    ToolChoice,
    ToolResult,
    UncheckedGrammar,
    Unknown,
    UntakenBeta,
    WordedForm,
    assistant,
    names,
    user,
)
from tests.support.cuts import drive
from tests.types.values import PARTS as EXAMPLES

ONE_OF_EACH = (Text(text="a"), *EXAMPLES[1:])

EVERYTHING = (
    frozenset(ChatRequest.__struct_fields__)
    | frozenset(PARTS.values())
    | {f"{PARTS[kind]}.{detail}" for kind, details in DETAILS.items() for detail in details}
    | {f"{kind}.{source}" for kind in ("image", "audio", "file") for source in SOURCES}
    | {f"tool_result.{kind}" for kind in ("image", "audio", "file")}
    | {f"tool.{detail}" for detail in TOOL_DETAILS}
    | {f"reasoning.{field}" for field in REASONING}
    | {NAMES, DEVELOPER, ANYWHERE, CACHE}
)

FULL = ChatRequest(
    model="m",
    messages=(user("hi"), Message("user", ONE_OF_EACH)),
    tools=(Tool("f"),),
    tool_choice=ToolChoice("none"),
    parallel_tool_calls=False,
    response_format=ResponseFormat("text"),
    max_output_tokens=0,
    temperature=0.0,
    top_p=0.0,
    top_k=0,
    frequency_penalty=0.0,
    presence_penalty=0.0,
    stop=("x",),
    seed=0,
    reasoning=ReasoningConfig(effort=""),
    user="",
    stream=False,
    include_usage=False,
    extra={"own": {"odd": 1}},
)

FIELDS = (
    "tools",
    "tool_choice",
    "parallel_tool_calls",
    "response_format",
    "max_output_tokens",
    "temperature",
    "top_p",
    "top_k",
    "frequency_penalty",
    "presence_penalty",
    "stop",
    "seed",
    "user",
    "reasoning.effort",
)


def lost(request: ChatRequest, expresses: frozenset[str], own: str) -> tuple[str, ...]:
    return names(manifest(request, expresses, own))


def test_a_plain_question_loses_nothing_anywhere() -> None:
    assert lost(ChatRequest(model="m", messages=(user("hi"),)), frozenset(), "own") == ()


def test_everything_said_is_listed_where_nothing_can_be_said() -> None:
    kinds = (
        "refusal",
        "reasoning",
        "image",
        "image",
        "audio",
        "file",
        "tool_call",
        "tool_result",
        "hosted_call",
        "hosted_result",
        "unknown",
    )
    parts = tuple(f"messages[1].parts[{i}] ({kind})" for i, kind in enumerate(kinds, 1))
    assert lost(FULL, frozenset(), "own") == FIELDS + parts


def test_nothing_is_listed_where_everything_can_be_said() -> None:
    assert lost(FULL, EVERYTHING, "own") == ()


@pytest.mark.parametrize("name", FIELDS)
def test_one_field_that_cannot_be_said_is_the_only_loss(name: str) -> None:
    assert lost(FULL, EVERYTHING - {name}, "own") == (name,)


@pytest.mark.parametrize("name", sorted(ALWAYS))
def test_some_things_are_never_lost(name: str) -> None:
    assert lost(FULL, EVERYTHING - {name}, "own") == ()


@pytest.mark.parametrize(
    ("name", "place"),
    [
        ("refusal", "messages[1].parts[1] (refusal)"),
        ("audio", "messages[1].parts[5] (audio)"),
        ("unknown", "messages[1].parts[11] (unknown)"),
        ("reasoning", "messages[1].parts[2] (reasoning)"),
        ("reasoning.opaque", "messages[1].parts[2].opaque"),
        ("tool_result.is_error", "messages[1].parts[8].is_error"),
    ],
)
def test_a_part_that_cannot_be_said_is_listed_with_its_place(name: str, place: str) -> None:
    assert lost(FULL, EVERYTHING - {name}, "own") == (place,)


def test_a_detail_that_was_not_said_is_not_lost() -> None:
    parts = (Reasoning(text="hm"), ToolResult(id="1", parts=()), Text(text="a"), Image(url="x"))
    request = ChatRequest(model="m", messages=(Message("user", parts),))
    assert lost(request, frozenset({"reasoning", "tool_result", "image", "image.url"}), "own") == ()


def test_what_asks_for_the_usual_is_not_lost() -> None:
    def asked(detail: str, *, store: bool, parallel: bool) -> ChatRequest:
        turn = Message("user", (Image(url="x", detail=detail),))
        return ChatRequest(model="m", messages=(turn,), store=store, parallel_tool_calls=parallel)

    pictures = frozenset({"image", "image.url"})
    assert lost(asked("auto", store=False, parallel=True), pictures, "own") == ()
    more = ("parallel_tool_calls", "store", "messages[0].parts[0].detail")
    assert set(lost(asked("low", store=True, parallel=False), pictures, "own")) == set(more)


@pytest.mark.parametrize("protocol", ["openai-chat", "openai-responses", "anthropic", "gemini", "ollama"])
@pytest.mark.parametrize("tier", ["auto", "standard"])
def test_what_a_service_does_anyway_may_be_asked_of_each(protocol: str, tier: str) -> None:
    """Words alone, no better service than the usual one, an error if the conversation is too long."""
    asked = ChatRequest(model="m", messages=(user("a"),), modalities=("text",), service_tier=tier, truncate=False)
    made: Any = DIALECTS[protocol].client
    codec: ClientCodec = made("http://service.example")
    assert names(codec.losses(asked, ModelProfile())) == ()
    wanted = replace(asked, modalities=("text", "audio"), service_tier="turbo", truncate=True)
    assert set(names(codec.losses(wanted, ModelProfile()))) <= {"modalities", "service_tier", "truncate"}


def test_a_protocol_gets_its_own_unknown_parts_back_and_no_others() -> None:
    parts = (Unknown(protocol="anthropic", data={}), Unknown(protocol="gemini", data={}))
    request = ChatRequest(model="m", messages=(Message("user", parts),))
    assert lost(request, frozenset({"unknown.gemini"}), "own") == ("messages[0].parts[0] (unknown)",)


def test_strictness_refuses_by_name_and_lets_the_rest_pass() -> None:
    refuse((), "up", strict=True)
    refuse((LostField("seed"),), "up", strict=False)
    refuse((ChangedRole("messages[0].role"),), "up", strict=True)
    with pytest.raises(
        UnsupportedFeatureError, match=r"^up cannot express: seed, messages\[0\]\.parts\[1\] \(image\)$"
    ):
        refuse((LostField("seed"), LostPart("messages[0].parts[1] (image)")), "up", strict=True)


@pytest.mark.parametrize("strict", [True, False])
def test_what_would_be_another_question_is_always_refused_in_words(strict: bool) -> None:
    with pytest.raises(UnsupportedFeatureError, match=r"^up: messages\[1\] begins the answer, which models "):
        refuse((LostField("seed"), RefusedPrefill("messages[1]")), "up", strict=strict)


def test_every_kind_of_part_has_its_word() -> None:
    assert set(PARTS) == {type(part) for part in ONE_OF_EACH}


def test_what_other_protocols_alone_said_is_lost_by_name() -> None:
    def theirs(name: str, value: object = 1) -> Extra:
        return {"theirs": {name: value}, "own": {f"own_{name}": value}}

    result = ToolResult(id="1", parts=(Text(text="4", extra=theirs("inner")),), extra=theirs("result"))
    request = ChatRequest(
        model="m",
        messages=(Message("user", (Text(text="a", extra=theirs("part")), result), "ann", theirs("message")),),
        tools=(Tool("f"), Tool("g", extra=theirs("tool"))),
        extra=theirs("request"),
    )
    everywhere = (
        "tools[1].tool",
        "request",
        "messages[0].message",
        "messages[0].parts[0].part",
        "messages[0].parts[1].result",
        "messages[0].parts[1].parts[0].inner",
    )
    assert lost(request, EVERYTHING, "own") == everywhere
    assert lost(request, EVERYTHING - {"tools"}, "own") == ("tools", "request", *everywhere[2:])
    assert lost(request, EVERYTHING - {NAMES}, "theirs")[:4] == (
        "tools[1].own_tool",
        "own_request",
        "messages[0].name",
        "messages[0].own_message",
    )


@pytest.mark.parametrize("value", [None, [], {}, "KIND_UNSPECIFIED"])
def test_an_empty_field_says_nothing(value: object) -> None:
    request = ChatRequest(model="m", messages=(user("hi"),), extra={"theirs": {"annotations": value, "store": False}})
    assert lost(request, frozenset(), "own") == ("store",)


def test_another_word_for_a_role_is_noted_and_not_missed() -> None:
    request = ChatRequest(model="m", messages=(Message("developer", (Text(text="a"),)),))
    assert manifest(request, frozenset(), "own") == (ChangedRole("messages[0].role"),)
    assert lost(request, frozenset(), "own") == ()
    assert manifest(request, frozenset({DEVELOPER}), "own") == ()


def test_a_field_is_lost_once() -> None:
    request = ChatRequest(model="m", messages=(), tools=(Tool("f"),), extra={"theirs": {"tools": [{"type": "custom"}]}})
    assert lost(request, frozenset(), "own") == ("tools",)


@pytest.mark.parametrize(
    ("parts", "place"),
    [("plain", "messages[0].parts[0]"), ((ToolResult(id="1", parts="plain"),), "messages[0].parts[0].parts[0]")],  # type: ignore[arg-type]  # the point of the test
)
def test_what_is_no_part_is_named_with_its_place(parts: Any, place: str) -> None:
    with pytest.raises(InvalidRequestError, match=re.escape(f"{place}: expected a part of a message, got str")):
        lost(ChatRequest(model="m", messages=(Message("user", parts),)), EVERYTHING, "own")


def test_each_kind_of_loss_is_found_by_somebody() -> None:
    theirs = {"theirs": {"store": True}}
    request = ChatRequest(
        model="m",
        messages=(
            Message("system", (Text(text="a"),), "ann", theirs),
            Message("user", (Image(url="x"), Reasoning(text="hm"), Image(file_id="f", service="theirs"))),
            Message("developer", (Text(text="b"),)),
            assistant("Well,"),
        ),
        candidate_count=2,
        tools=(
            Tool("p", input_format="text", grammar=("regex", "a")),
            Tool("f", parameters={"$id": "f", "const": {}}),
            Tool("g", parameters={"type": "array"}),
        ),
        temperature=0.5,
        seed=1,
    )
    profile = ModelProfile(unsupported_fields=("temperature",), images=False, prefill=False, schema_keywords=())
    answer: list[StreamEvent] = [
        ResponseStart(extra=theirs),
        PartStart(Image(url="x")),
        PartEnd(),
        ResponseEnd("length"),
    ]
    choices = b'data: {"choices": [{"index": %d, "delta": {"content": "a"}, "finish_reason": "stop"}]}\n\n'
    end = drive(OpenAIChatClient("http://up").decoder(request), [choices % 0 + choices % 1])[0][-1]
    assert isinstance(end, ResponseEnd)
    found = (
        *manifest(request, frozenset({"temperature", "image", "image.url", "tools"}), "own", untaken(profile)),
        *changes(request, profile, Compilers(partial(compiled, support=supported(profile, EVERYTHING_SAID)))),
        *answer_losses(answer, frozenset(), "own"),
        *end.losses,
        *unanswered(
            replace(request, messages=(Message("assistant", (ToolCall(id="1", name="f"),)), user("b"))), "turn"
        ),
        PromptedTools("tools"),
        RenamedTool("tools[0].name"),
        ChangedField("reasoning.budget_tokens"),  # each codec that has such a rule has a test of it
        MovedPart("messages[2].parts[0].parts[1]"),
        LossBehind("stop"),  # a gateway finds this one
        LostEvent("answer.new_event"),  # so have the decoders that pass events over
        EmulatedCompaction("compaction"),  # the engine finds these three, and has tests of them
        EmulatedForm("response_format"),
        WordedForm("response_format"),  # two codecs have such a rule
        AddedWords("messages[2]"),  # and one has this one
        UncheckedGrammar("answer.tool_call.grammar"),
        ContinuedAnswer("answer.continued"),  # a route finds this one
        RefusedQuestion("messages[0]"),  # see test_wordless
        UntakenBeta("anthropic-beta.new-2026-11-29"),  # and test_betas
    )
    assert {type(loss) for loss in found} == set(get_args(Loss))
