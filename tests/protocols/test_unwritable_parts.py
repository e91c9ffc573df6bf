"""A part that cannot be written is an error that names its place, as every service's half says it."""

from typing import Any

import pytest

from dragoman.errors import InvalidRequestError
from dragoman.protocols.registry import DIALECTS
from dragoman.types import ChatRequest, Image, Message, ModelProfile, Text, ToolCall, ToolResult
from tests.support.env import fixed_env

UNREADABLE = Image(data="AAAA")
"""A picture whose bytes do not tell what it is."""
CALLED = Message("assistant", (ToolCall(id="call_1", name="f", arguments="{}"),))


@pytest.mark.parametrize("name", ["openai-chat", "anthropic", "gemini"])
@pytest.mark.parametrize(
    ("messages", "place"),
    [
        ((Message("user", (Text(text="b"), UNREADABLE)),), "messages[1].parts[1]"),
        ((CALLED, Message("tool", (ToolResult(id="call_1", parts=(UNREADABLE,)),))), "messages[2].parts[0]"),
    ],
)
def test_a_picture_of_an_unknown_kind_is_refused_by_its_place(
    name: str, messages: tuple[Message, ...], place: str
) -> None:
    request = ChatRequest(model="m", messages=(Message("user", (Text(text="a"),)), *messages))
    client: Any = DIALECTS[name].client
    codec = client("http://up")
    with pytest.raises(InvalidRequestError, match="expected its media type") as caught:
        codec.encode_request(codec.fit(request, ModelProfile()), fixed_env())
    assert caught.value.param == place
