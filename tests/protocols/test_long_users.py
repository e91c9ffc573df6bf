"""Who asks, in a text that is longer than OpenAI's services take: 64 characters."""

import json
from typing import Any

import pytest

from dragoman.protocols.registry import DIALECTS
from dragoman.types import ChangedField, ChatRequest, Message, ModelProfile, Text
from tests.support.env import fixed_env

LONG = "person@department.example/" * 3


def asked(name: str, user: str) -> tuple[Any, bool]:
    """The user whom a service is told, and whether it is noted as another one."""
    request = ChatRequest(model="m", messages=(Message("user", (Text(text="a"),)),), user=user)
    client: Any = DIALECTS[name].client
    codec = client("http://up")
    body = json.loads(codec.encode_request(codec.fit(request, ModelProfile()), fixed_env()).body)
    return body["user"], ChangedField("user") in codec.losses(request, ModelProfile())


@pytest.mark.parametrize("name", ["openai-chat", "openai-responses"])
def test_a_long_one_is_told_by_a_digest_which_is_always_the_same(name: str) -> None:
    told, changed = asked(name, LONG)
    assert len(told) == 64
    assert changed
    assert asked(name, LONG) == (told, True)
    assert asked(name, LONG + "x")[0] != told
    assert LONG[:10] not in told


@pytest.mark.parametrize("name", ["openai-chat", "openai-responses"])
def test_any_other_is_told_as_it_is(name: str) -> None:
    assert asked(name, "u" * 64) == ("u" * 64, False)
