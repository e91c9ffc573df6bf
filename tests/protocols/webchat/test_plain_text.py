"""What words alone can say of conversations and answers."""

import pytest

from dragoman.errors import (
    ContentFilterError,
    DragomanError,
    InvalidRequestError,
    OverloadedError,
    UnsupportedFeatureError,
)
from dragoman.protocols.losses import losses
from dragoman.protocols.webchat.aibn import AibnClient
from dragoman.protocols.webchat.aichatfree import AIChatFreeClient
from dragoman.protocols.webchat.aichatonline import AiChatOnlineClient
from dragoman.protocols.webchat.cromicle import CromicleClient, CromicleServer
from dragoman.protocols.webchat.plain_text import PlainTextReader, with_text, words_of
from dragoman.types import (
    AnyPart,
    ChatRequest,
    ChatResponse,
    FinishReason,
    Image,
    Message,
    Reasoning,
    Refusal,
    Text,
    ToolCall,
    ToolResult,
    assistant,
    unfold,
    user,
)

CALL = ToolCall(id="1", name="f", arguments="{}")
THOUGHT = Reasoning(text="hmm")


def test_messages_without_text_are_left_out_and_empty_ones_kept() -> None:
    empty = Message("user", ())
    pictured = Message("user", (Image(url="https://x"), Text(text="what is it?")))
    silent = (Message("assistant", (CALL,)), Message("tool", (ToolResult(id="1", parts=()),)))
    assert with_text((user(""), empty, *silent, pictured)) == (user(""), empty, pictured)
    assert with_text(()) == ()


def test_a_refusal_is_text_of_the_conversation() -> None:
    """As it is in all other protocols that have no part for it; without it two turns of the user stood side by side."""
    refused = Message("assistant", (Refusal(text="No."),))
    assert with_text((user("a"), refused, user("b"))) == (user("a"), assistant("No."), user("b"))
    request = ChatRequest(model="m", messages=(user("a"), refused, user("b")))
    for codec in (AibnClient, AIChatFreeClient, AiChatOnlineClient, CromicleClient):
        assert losses(request, codec.expresses, codec.name) == ()


def test_a_conversation_without_text_is_refused() -> None:
    with pytest.raises(InvalidRequestError):
        with_text((Message("user", (Image(url="https://x"),)),))


@pytest.mark.parametrize(
    ("parts", "words"),
    [
        ((), ""),
        (assistant("hi").parts, "hi"),
        ((Refusal(text="no"),), "no"),
        ((THOUGHT, Text(text="a"), Text(text="b\ud83d")), "ab�"),
    ],
)
def test_text_and_refusals_are_words_and_thinking_is_not(parts: tuple[AnyPart, ...], words: str) -> None:
    assert words_of(ChatResponse(parts=parts)) == words


@pytest.mark.parametrize(
    ("parts", "reason", "kind"),
    [
        ((CALL,), "tool_call", UnsupportedFeatureError),
        ((Text(text="let me look"), CALL), "stop", UnsupportedFeatureError),
        ((Text(text="let me look"),), "tool_call", UnsupportedFeatureError),
        ((THOUGHT,), "stop", UnsupportedFeatureError),
        ((Image(data="AA=="), Text(text="")), "stop", UnsupportedFeatureError),
        ((Text(text="and the"),), "content_filter", ContentFilterError),
    ],
)
def test_an_answer_that_words_misrepresent_fails_at_its_end(
    parts: tuple[AnyPart, ...], reason: FinishReason, kind: type[DragomanError]
) -> None:
    response = ChatResponse(parts=parts, finish_reason=reason)
    with pytest.raises(kind) as caught:
        words_of(response)
    assert caught.value.status in {400, 502}
    *before, end = unfold(response)
    words = PlainTextReader()
    assert words.read(before) == response.text
    with pytest.raises(kind):
        words.read([end])


def test_words_of_earlier_batches_count() -> None:
    words = PlainTextReader()
    for event in unfold(ChatResponse(parts=(Text(text="a"), THOUGHT))):
        words.read([event])


def test_a_text_alone_cannot_say_that_it_broke_off() -> None:
    assert CromicleServer().encode_stream_error(OverloadedError("busy")) == b""
