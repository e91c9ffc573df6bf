"""The manifest of what an answer loses on its way to a caller: exact, and in the answer's order."""

from collections.abc import Sequence
from typing import Any

import pytest

from dragoman.protocols.answer_losses import AnswerLosses, answer_losses
from dragoman.protocols.anthropic import AnthropicServer
from dragoman.protocols.base import ServerCodec
from dragoman.protocols.gemini import GeminiServer
from dragoman.protocols.openai_chat import OpenAIChatServer
from dragoman.protocols.registry import DIALECTS
from dragoman.protocols.webchat.aibn import AibnServer
from dragoman.protocols.webchat.aichatfree import AIChatFreeServer
from dragoman.protocols.webchat.aichatonline import AiChatOnlineServer
from dragoman.protocols.webchat.cromicle import CromicleServer
from dragoman.types import (
    AnyPart,
    Audio,
    ChatRequest,
    ChatResponse,
    FinishReason,
    Fold,
    HostedCall,
    Image,
    Metadata,
    OpaqueState,
    PartDelta,
    PartEnd,
    PartStart,
    Reasoning,
    ResponseEnd,
    ResponseStart,
    StreamEvent,
    Text,
    TokenLogprob,
    ToolCall,
    Unknown,
    Usage,
    names,
    unfold,
    user,
)
from tests.support.env import fixed_env

FULL = ChatResponse(
    parts=(
        Text(text="a", extra={"theirs": {"citations": [1]}, "own": {"kept": 1}}),
        Reasoning(text="hm", opaque=OpaqueState("p", "s")),
        Image(url="https://x"),
        Image(url="https://y"),
        ToolCall(id="1", name="f"),
        Unknown(protocol="theirs", data={}),
    ),
    finish_reason="length",
    usage=Usage(1, 2),
    stop_sequence="x",
    extra={"theirs": {"logprobs": 1, "annotations": []}, "own": {"kept": 1}, "dragoman": {"model": "m"}},
)

ALL = (
    "answer.logprobs",
    "answer.text",
    "answer.reasoning",
    "answer.image",
    "answer.tool_call",
    "answer.unknown",
    "answer.usage",
    "answer.finish_reason",
    "answer.stop_sequence",
)


def lost(events: Sequence[StreamEvent], expresses: frozenset[str], own: str) -> tuple[str, ...]:
    return names(answer_losses(events, expresses, own))


def test_everything_is_lost_on_a_protocol_that_says_nothing() -> None:
    assert lost(unfold(FULL), frozenset(), "own") == ALL


def test_nothing_is_lost_on_a_protocol_that_says_everything() -> None:
    everything = frozenset(name.removeprefix("answer.") for name in ALL) | {"reasoning.opaque", "image.url"}
    assert lost(unfold(FULL), everything, "theirs") == ("answer.kept",)
    assert lost(unfold(FULL), everything, "own") == ("answer.logprobs", "answer.citations")


def test_a_protocol_gets_its_own_unknown_parts_and_no_others() -> None:
    events = [PartStart(Unknown(protocol="theirs", data={}))]
    assert lost(events, frozenset({"unknown.theirs"}), "theirs") == ()
    assert lost(events, frozenset({"unknown.own"}), "own") == ("answer.unknown",)


@pytest.mark.parametrize(("reason", "expected"), [("stop", ()), ("length", ("answer.finish_reason",))])
def test_the_usual_end_is_not_missed(reason: FinishReason, expected: tuple[str, ...]) -> None:
    assert lost([ResponseStart(), ResponseEnd(reason)], frozenset(), "own") == expected


def test_an_answer_may_come_in_pieces_and_each_loss_is_told_once() -> None:
    manifest = AnswerLosses(frozenset({"text", "reasoning"}), "own")
    manifest.read([ResponseStart(), PartStart(Reasoning(text=""))])
    assert not manifest.found
    manifest.read([PartEnd(OpaqueState("p", "signature")), PartStart(Image(url="x")), PartEnd()])
    manifest.read([PartStart(Image(url="y")), PartEnd(), ResponseEnd("stop", extra={"theirs": {"images": [1]}})])
    assert names(manifest.found) == ("answer.reasoning.opaque", "answer.image", "answer.images")


@pytest.mark.parametrize(
    ("parts", "reason", "unsaid"),
    [
        ((Image(url="x"),), "stop", "only: image"),
        ((Image(url="x"), Unknown(protocol="p", data={})), "stop", "only: image, unknown"),
        ((Image(url="x"),), "pause", "only: image"),
        ((HostedCall(id="h", tool="mcp"),), "stop", "only: hosted_call"),
        ((HostedCall(id="h", tool="web_search"),), "stop", None),
        ((Image(url="x"), Text(text="a")), "stop", None),
        ((Image(url="x"),), "length", None),
        ((Image(url="x"),), "tool_call", "only: image"),
        ((), "stop", None),
    ],
)
def test_an_answer_of_which_nothing_is_said_does_not_look_whole(
    parts: tuple[AnyPart, ...], reason: FinishReason, unsaid: str | None
) -> None:
    expresses = frozenset({"text", "hosted_call", "hosted_call.web_search", "finish_reason.length"})
    manifest = AnswerLosses(expresses, "own")
    manifest.read(unfold(ChatResponse(parts=parts, finish_reason=reason)))
    assert (manifest.unsaid or "").partition("but ")[2] == (unsaid or "")


def test_calls_of_the_service_s_tools_are_named_that_messages_does_not_have() -> None:
    events = unfold(ChatResponse(parts=(HostedCall(id="h", tool="mcp", name="n"), Text(text="a"))))
    assert lost(events, AnthropicServer().expresses, "anthropic") == ("answer.hosted_call",)
    assert lost(events, GeminiServer().expresses, "gemini") == ()


FRONTS: list[tuple[ServerCodec, tuple[str, ...]]] = [
    (OpenAIChatServer(), ("answer.unknown", "answer.citations", "answer.stop_sequence")),
    *(
        (front, ("answer.reasoning", "answer.image", "answer.tool_call", "answer.usage", "answer.finish_reason"))
        for front in (AibnServer(), AIChatFreeServer(), AiChatOnlineServer(), CromicleServer())
    ),
]


@pytest.mark.parametrize(("front", "expected"), FRONTS, ids=[front.name for front, _ in FRONTS])
def test_every_front_says_what_it_can(front: ServerCodec, expected: tuple[str, ...]) -> None:
    found = lost(unfold(FULL), front.expresses, front.name)
    assert set(expected) <= set(found)
    assert "answer.text" not in found


def test_a_further_count_is_lost_unless_it_is_none_or_the_protocol_lists_it() -> None:
    def lost(details: dict[str, int], *expresses: str) -> tuple[str, ...]:
        end = ResponseEnd("stop", Usage(1, 2, details=details))
        return names(answer_losses([end], frozenset(expresses), "own"))

    assert lost({"input.audio": 3}, "usage") == ("answer.usage.details",)
    assert lost({"input.audio": 0}, "usage") == ()
    assert lost({"input.audio": 3}, "usage", "usage.details") == ()
    assert lost({"input.audio": 3}, "usage", "usage.input.audio") == ()
    assert lost({"input.audio": 3, "input.text": 1}, "usage", "usage.input.audio") == ("answer.usage.details",)
    assert lost({"input.audio": 3}) == ("answer.usage",)


def test_what_is_said_beside_a_part_is_named_with_it() -> None:
    events: list[StreamEvent] = [
        PartStart(Audio(data="AAAA")),
        Metadata(transcript="Hello"),
        PartEnd(),
        PartStart(Text(text="a")),
        PartDelta("b", (TokenLogprob("b", -1.0),)),
        PartEnd(),
    ]
    says = frozenset({"audio", "audio.data", "text"})
    assert lost(events, says, "own") == ("answer.audio.transcript", "answer.text.logprobs")
    assert lost(events, says | {"audio.transcript", "text.logprobs"}, "own") == ()


@pytest.mark.parametrize("name", ["openai-chat", "openai-responses", "gemini"])
def test_the_tokens_of_a_thought_are_none_of_the_text(name: str) -> None:
    server: Any = DIALECTS[name].server
    token = TokenLogprob("MARKED", -0.5)
    events = [ResponseStart(), PartStart(Reasoning(text="")), PartDelta("hidden", (token,)), PartEnd()]
    spoken = [PartStart(Text(text="")), PartDelta("said"), PartEnd(), ResponseEnd("stop")]
    request = ChatRequest(model="m", messages=(user("x"),))
    body = server().encoder(request, fixed_env()).send([*events, *spoken])
    assert b"MARKED" not in body
    client: Any = DIALECTS[name].client
    decoder, folding = client("http://up").decoder(request), Fold()
    folding.feed([*decoder.feed(body), *decoder.finish()])
    found = folding.result()
    assert (found.text, [each.text for each in found.parts if isinstance(each, Reasoning)]) == ("said", ["hidden"])


@pytest.mark.parametrize(("tier", "expected"), [("default", ()), ("on_demand", ()), ("flex", ("answer.service_tier",))])
def test_the_usual_tier_is_not_missed(tier: str, expected: tuple[str, ...]) -> None:
    said = {"a": {"service_tier": tier}}
    assert lost([ResponseStart(extra=said), ResponseEnd("stop", extra=said)], frozenset(), "b") == expected
