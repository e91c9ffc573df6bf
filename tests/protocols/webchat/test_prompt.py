"""A conversation as one text."""

import pytest

from dragoman.protocols.webchat.prompt import format_messages
from dragoman.types import Image, Message, Text, assistant, system, user


@pytest.mark.parametrize(
    ("messages", "prompt"),
    [
        ((user("hello"),), "hello"),
        ((system("be kind\n"),), "be kind\n"),
        ((user(""),), ""),
        ((), "Assistant:"),
        ((system("be kind"), user("hi")), "System: be kind\nUser: hi\nAssistant:"),
        ((user("a"), assistant("b"), user("c\nd")), "User: a\nAssistant: b\nUser: c\nd\nAssistant:"),
        ((user("a"), assistant(""), user("c")), "User: a\nUser: c\nAssistant:"),
        ((Message("tool", (Text(text="4"), Text(text="2"))), user("so")), "Tool: 42\nUser: so\nAssistant:"),
        ((Message("user", (Image(url="x"),)), user("what?")), "User: what?\nAssistant:"),
        ((Message("user", (Text(text="see "), Image(url="x"), Text(text="this"))),), "see this"),
    ],
)
def test_one_message_is_its_text_and_more_are_lines(messages: tuple[Message, ...], prompt: str) -> None:
    assert format_messages(messages) == prompt
