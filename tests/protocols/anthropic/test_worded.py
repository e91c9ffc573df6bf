"""Blocks of text that other services do not have: they get the words, and the service of this protocol the block."""

import json
from typing import Any

import pytest

from dragoman.protocols.anthropic import AnthropicClient, AnthropicServer
from dragoman.protocols.registry import DIALECTS
from dragoman.types import CacheBreakpoint, HttpRequest, ModelProfile, ServerRequest, Text, Unknown
from tests.support.env import fixed_env

WORD = {"type": "text", "text": "body"}
FOUND: dict[str, Any] = {"type": "search_result", "source": "https://s", "title": "T", "content": [WORD, WORD]}
SUMMARY: dict[str, Any] = {"type": "compaction", "content": "They met.", "encrypted_content": "e", "signature": "s"}
"""What the service writes in place of a conversation, of which the next request has nothing else."""
TOLD = "The conversation so far was replaced by this summary of it:\n\nThey met.\n"
DOCUMENT: dict[str, Any] = {"type": "document", "source": {"type": "content", "content": [WORD]}}


def asked(*blocks: dict[str, Any]) -> Any:
    """What a caller asks."""
    messages = [
        {"role": "user", "content": [*blocks, {"type": "text", "text": "?"}]},
        {"role": "assistant", "content": [{"type": "tool_use", "id": "a", "name": "f", "input": {}}]},
        {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "a", "content": list(blocks)}]},
    ]
    body = json.dumps({"model": "m", "max_tokens": 9, "messages": messages}).encode()
    return AnthropicServer().decode_request(ServerRequest(method="POST", path="/", body=body)), messages


@pytest.mark.parametrize(
    ("block", "words", "lost"),
    [
        (FOUND, "T\nhttps://s\nbody\nbody\n", ()),
        (FOUND | {"citations": {"enabled": True}}, "T\nhttps://s\nbody\nbody\n", ("citations",)),
        (DOCUMENT, "body\n", ()),
        (DOCUMENT | {"title": "T", "context": "C", "x_new": 1}, "T\nC\nbody\n", ("x_new",)),
        ({"type": "document", "source": {"type": "content", "content": "plain"}}, "plain\n", ()),
        (SUMMARY, TOLD, ("encrypted_content", "signature")),
    ],
)
def test_others_get_the_words(block: dict[str, Any], words: str, lost: tuple[str, ...]) -> None:
    block |= {"cache_control": {"type": "ephemeral"}}
    request, messages = asked(block)
    part = request.messages[0].parts[0]
    assert isinstance(part, Text)
    assert (part.text, part.cache) == (words, CacheBreakpoint())
    for name in ("openai-chat", "openai-responses", "gemini", "ollama"):
        client: Any = DIALECTS[name].client
        losses = {loss.name for loss in client("http://up").losses(request, ModelProfile())}
        assert {f"messages[0].parts[0].{each}" for each in lost} <= losses
        assert not any("unknown" in each for each in losses)
        message = client("http://up").encode_request(request, fixed_env())
        assert message.body.decode().count(json.dumps(words)[1:-1]) == 2
    message = AnthropicClient("http://up").encode_request(request, fixed_env())
    assert isinstance(message, HttpRequest)
    assert json.loads(message.body)["messages"] == messages


@pytest.mark.parametrize(
    "block",
    [
        FOUND | {"content": 5},
        FOUND | {"title": None},
        FOUND | {"content": [WORD | {"citations": [{}]}]},
        DOCUMENT | {"source": {"type": "content", "content": [{"type": "image"}]}},
        DOCUMENT | {"source": {"type": "content", "content": []}},
        DOCUMENT | {"source": {"type": "content", "content": "x", "x_new": 1}},
        DOCUMENT | {"title": 5},
        SUMMARY | {"content": None},
        SUMMARY | {"content": " "},
    ],
)
def test_one_of_another_form_stays_what_it_is(block: dict[str, Any]) -> None:
    request, messages = asked(block)
    assert isinstance(request.messages[0].parts[0], Unknown)
    message = AnthropicClient("http://up").encode_request(request, fixed_env())
    assert isinstance(message, HttpRequest)
    assert json.loads(message.body)["messages"] == messages


def test_the_service_goes_on_from_its_own_summary() -> None:
    messages = [{"role": "user", "content": "hi"}, {"role": "assistant", "content": [SUMMARY]}]
    body = json.dumps({"model": "m", "max_tokens": 9, "messages": messages}).encode()
    request = AnthropicServer().decode_request(ServerRequest(method="POST", path="/", body=body))
    client = AnthropicClient("http://up", signed=True)
    assert [*client.losses(request, ModelProfile()), *client.changed(request)] == []
    sent = client.encode_request(client.fit(request, ModelProfile()), fixed_env())
    assert isinstance(sent, HttpRequest)
    assert json.loads(sent.body)["messages"] == messages


def test_another_service_of_this_protocol_gets_the_words_of_a_summary_alone() -> None:
    request, _ = asked(SUMMARY | {"cache_control": {"type": "ephemeral"}})
    client = AnthropicClient("http://up")
    lost = [loss.name for loss in client.losses(request, ModelProfile())]
    assert lost == ["messages[0].parts[0].encrypted_content", "messages[0].parts[0].signature"]
    sent = client.encode_request(client.fit(request, ModelProfile()), fixed_env())
    assert isinstance(sent, HttpRequest)
    (first, _) = json.loads(sent.body)["messages"][0]["content"]
    assert first == {"type": "text", "text": TOLD, "cache_control": {"type": "ephemeral"}}


OF_OURS = SUMMARY | {"signature": "dragomanMark.-.dragoman.summary"}


def test_a_summary_of_ours_keeps_its_breakpoint() -> None:
    request, _ = asked(OF_OURS | {"cache_control": {"type": "ephemeral"}})
    part = request.messages[0].parts[0]
    assert isinstance(part, Text)
    assert (part.text, part.cache) == (TOLD, CacheBreakpoint())


@pytest.mark.parametrize("block", [SUMMARY, OF_OURS], ids=["the service's", "ours"])
@pytest.mark.parametrize("name", ["anthropic", "openai-chat", "openai-responses", "gemini", "ollama"])
def test_the_user_tells_a_summary_that_stands_in_the_model_s_turn(name: str, block: dict[str, Any]) -> None:
    """The runner of tools of Anthropic's SDK sends such a turn alone: a service would go on with words of the model."""
    alone: list[dict[str, Any]] = [{"role": "assistant", "content": [block]}]
    more = [{"role": "assistant", "content": [block, WORD]}, {"role": "user", "content": "?"}]
    for said, roles in ((alone, ["user"]), (more, ["user", "assistant", "user"])):
        body = json.dumps({"model": "m", "max_tokens": 9, "messages": said}).encode()
        request = AnthropicServer().decode_request(ServerRequest(method="POST", path="/", body=body))
        client: Any = DIALECTS[name].client
        codec = client("http://up")
        fitted = codec.fit(request, ModelProfile())
        assert [message.role for message in fitted.messages] == roles
        assert fitted.messages[0].text == TOLD
        assert not any(loss.name.endswith(".text") for loss in codec.losses(request, ModelProfile()))
