"""Models that take one message of the system, at the beginning of the conversation."""

import json
from typing import Any

import pytest
from msgspec.structs import replace

from dragoman.protocols.leading_system import is_leading, lost_details, with_leading_system
from dragoman.protocols.openai_chat import NAME, OpenAIChatClient
from dragoman.types import CacheBreakpoint, ChatRequest, Image, Message, ModelProfile, Text

ONE = ModelProfile(system_anywhere=False)
SYSTEM = Message("system", (Text(text="be short"),))
DEVELOPER = Message("developer", (Text(text="be kind"),))
ASKS = Message("user", (Text(text="hi"),))
SAID = Message("assistant", (Text(text="well"),))
TOLD = Message("user", (Text(text="<system>\nbe kind\n</system>"),))
BOTH = Message("system", (Text(text="be short\n\n"), Text(text="be kind")))
PICTURE = Image(data="aGk=", media_type="image/png")


@pytest.mark.parametrize(
    ("turns", "expected"),
    [
        ((SYSTEM, DEVELOPER, ASKS), (BOTH, ASKS)),
        ((DEVELOPER, ASKS), (Message("system", DEVELOPER.parts), ASKS)),
        ((SYSTEM, ASKS, DEVELOPER), (SYSTEM, ASKS, TOLD)),
        ((ASKS, SAID, DEVELOPER, ASKS), (ASKS, SAID, TOLD, ASKS)),
        ((ASKS, Message("system", ()), SAID), (ASKS, SAID)),
        (
            (ASKS, Message("system", (PICTURE, *DEVELOPER.parts))),
            (ASKS, Message("user", (*TOLD.parts, PICTURE))),
        ),
        ((SYSTEM, DEVELOPER), (BOTH,)),
        (
            (ASKS, Message("system", (Text(text="be "), Text(text="kind", cache=CacheBreakpoint(300)), PICTURE))),
            (ASKS, Message("user", (Text(text=TOLD.text, cache=CacheBreakpoint(300)), PICTURE))),
        ),
    ],
)
def test_one_message_of_the_system_is_left(turns: tuple[Message, ...], expected: tuple[Message, ...]) -> None:
    fitted = with_leading_system(ChatRequest(model="m", messages=turns), ONE)
    assert fitted.messages == expected
    assert with_leading_system(fitted, ONE) is fitted


def test_what_two_of_them_say_otherwise_is_the_first_s_and_lost_by_name() -> None:
    first = replace(SYSTEM, name="a", extra={NAME: {"x": 1, "y": 1}})
    second = replace(SYSTEM, name="b", extra={NAME: {"x": 1, "y": 2, "z": 2}, "other": {"w": 1}})
    third = replace(SYSTEM, name="a")
    later = replace(DEVELOPER, name="c")
    request = ChatRequest(model="m", messages=(first, second, third, ASKS, later))
    joined, _, told = with_leading_system(request, ONE).messages
    assert (joined.name, joined.extra) == ("a", {NAME: {"x": 1, "y": 1, "z": 2}, "other": {"w": 1}})
    assert told.name == "c"
    found = [loss.name for loss in OpenAIChatClient("http://service").losses(request, ONE)]
    assert found == ["messages[1].w", "messages[4]", "messages[4].role", "messages[1].name", "messages[1].y"]
    assert not {"messages[1].name", "messages[1].y"} & {
        loss.name for loss in OpenAIChatClient("http://service").losses(request, ModelProfile())
    }


def test_many_messages_are_joined_in_the_time_of_their_length() -> None:
    """In the time of its square this would take minutes, of which nothing but a slow test would tell."""
    many = 40_000
    turns = tuple(replace(SYSTEM, extra={NAME: {f"x{i}": i}}) for i in range(many))
    request = ChatRequest(model="m", messages=turns)
    (joined,) = with_leading_system(request, ONE).messages
    assert joined.extra[NAME] == {f"x{i}": i for i in range(many)}
    assert not list(lost_details(request))


@pytest.mark.parametrize("turns", [(SYSTEM, ASKS), (ASKS, SAID), (SYSTEM,), ()])
def test_what_such_a_model_takes_stays(turns: tuple[Message, ...]) -> None:
    request = ChatRequest(model="m", messages=turns)
    assert with_leading_system(request, ONE) is request


def test_other_models_take_messages_of_the_system_anywhere() -> None:
    request = ChatRequest(model="m", messages=(SYSTEM, DEVELOPER, ASKS, SYSTEM))
    assert with_leading_system(request, ModelProfile()) is request


@pytest.mark.parametrize(
    ("roles", "expected", "beside"),
    [
        (["system", "user", "assistant"], True, False),
        (["user", "assistant", "tool"], True, True),
        (["developer", "user"], False, False),
        (["system", "system"], False, False),
        (["user", "system"], False, False),
        ([], True, True),
    ],
)
def test_it_is_seen_in_the_text_of_a_conversation(roles: list[str], *, expected: bool, beside: bool) -> None:
    turns: list[Any] = [{"role": role, "content": None} for role in roles]
    assert is_leading(json.dumps(turns).encode()) is expected
    assert is_leading(json.dumps(turns).encode(), beside=True) is beside


@pytest.mark.parametrize("text", [b"null", b"7", b'[{"role": 7}]', b"[\xff]", b""])
def test_what_is_no_conversation_is_left_to_the_service(text: bytes) -> None:
    assert is_leading(text)
