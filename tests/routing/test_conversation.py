"""Conversations: what stays the same from turn to turn says which one a request belongs to."""

import json
from typing import Any

import pytest

from dragoman.protocols.anthropic import AnthropicServer
from dragoman.protocols.base import ServerCodec
from dragoman.protocols.openai_chat import OpenAIChatServer
from dragoman.protocols.openai_responses import OpenAIResponsesServer
from dragoman.protocols.webchat.aibn import AibnServer
from dragoman.routing.conversation import conversation_in, conversation_of
from dragoman.types import ChatRequest, Identity, Message, ServerRequest, Text, system, user
from dragoman.types.identity import Attribution
from dragoman.wire.steps import done

ME = Identity("01234567", known=True)
CHAT = OpenAIChatServer()


def found(codec: ServerCodec, body: Any, identity: Identity = ME, model: str = "fast") -> bytes | None:
    """The conversation of a request with this body."""
    return done(
        conversation_in(codec, ServerRequest(method="POST", path="/", body=json.dumps(body).encode()), identity, model)
    )


def chat(*said: str, rules: str = "Be brief.") -> Any:
    """A conversation in OpenAI's protocol."""
    roles = ("user", "assistant")
    turns = [{"role": roles[n % 2], "content": text} for n, text in enumerate(said)]
    return {"model": "fast", "messages": [{"role": "system", "content": rules}, *turns]}


def test_the_turns_of_a_conversation_belong_together_and_others_do_not() -> None:
    first = found(CHAT, chat("Hello"))
    assert first is not None
    assert found(CHAT, chat("Hello", "Hi", "And now?")) == first
    others = [
        found(CHAT, chat("Good day")),
        found(CHAT, chat("Hello", rules="Be long.")),
        found(CHAT, chat("Hello"), Identity("76543210", known=True)),
        found(CHAT, chat("Hello"), model="slow"),
        found(CHAT, {"model": "fast", "messages": [{"role": "user", "content": "Be brief.Hello"}]}),
    ]
    assert len({first, *others}) == 6


def test_marks_of_a_cache_and_forms_of_a_text_change_nothing() -> None:
    marked = {"type": "text", "text": "Hello", "cache_control": {"type": "ephemeral"}}
    one = {"system": "Be brief.", "messages": [{"role": "user", "content": [marked]}]}
    other = {
        "system": [{"type": "text", "text": "Be brief."}],
        "messages": [{"role": "user", "content": "Hello"}, {"role": "assistant", "content": "Hi"}],
    }
    assert found(AnthropicServer(), one) == found(AnthropicServer(), other)


def test_a_session_that_is_named_is_the_conversation() -> None:
    def asking(session: str, agent_id: str = "") -> Identity:
        return Identity("01234567", True, Attribution(session=session, agent_id=agent_id))

    one = found(CHAT, chat("Hello"), asking("s1"))
    assert found(CHAT, chat("Something else"), asking("s1")) == one
    assert len({one, found(CHAT, chat("Hello"), asking("s2")), found(CHAT, chat("Hello"), asking("s1", "a2"))}) == 3


@pytest.mark.parametrize(
    ("codec", "body"),
    [
        (OpenAIResponsesServer(), {"input": "Go on", "previous_response_id": "resp_1"}),
        (AibnServer(), {"messages": [{"role": "user", "content": "Hello"}]}),
        (CHAT, {"messages": []}),
        (CHAT, ["no object"]),
    ],
)
def test_what_does_not_say_its_beginning_has_none(codec: ServerCodec, body: Any) -> None:
    assert found(codec, body) is None


def test_a_request_of_the_library_has_one_too() -> None:
    turns = [system("Be brief."), user("Hello")]
    first = conversation_of(ChatRequest(model="fast", messages=tuple(turns)))
    turns += [Message("assistant", (Text(text="Hi"),)), user("And now?")]
    assert conversation_of(ChatRequest(model="fast", messages=tuple(turns))) == first
    others = [("slow", turns), ("fast", turns[1:]), ("fast", [turns[0], user("\ud800")]), ("fast", [])]
    digests = {conversation_of(ChatRequest(model=model, messages=tuple(said))) for model, said in others}
    assert len({first, *digests}) == 5
