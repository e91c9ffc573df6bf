"""Arguments of calls, which are objects on the wire, as the very text that came: numbers would change in between."""

from typing import Any

import msgspec
from msgspec import Raw, Struct

from dragoman.wire import json

LINE_ENDS = str.maketrans({"\n": " ", "\r": " "})
"""Outside of strings, where alone they may stand in JSON, they mean no more than a space; a line may not hold them."""


class _Function(Struct):
    arguments: Raw = Raw(b"")


class _Call(Struct):
    function: _Function | None = None


class _Message(Struct):
    tool_calls: list[_Call] | None = None


class _Conversation(Struct):
    messages: list[_Message] | None = None


_conversation = msgspec.json.Decoder(_Conversation).decode


class _Line(Struct):
    message: _Message | None = None


_answer = msgspec.json.Decoder(_Line).decode

Texts = dict[tuple[int, int], str]
"""The arguments by the numbers of the message and of the call in it."""


def asked_arguments(body: bytes) -> Texts:
    """The arguments in a request. Those that are null, or missing in a request of another form, are not in it."""
    if body.find(b'"tool_calls"') < 0:
        return {}
    try:
        messages = _conversation(body).messages or []
    except json.NOT_STRICT:
        return {}
    return {
        (i, j): text
        for i, message in enumerate(messages)
        for j, call in enumerate(message.tool_calls or ())
        if (text := raw_text(call.function)) not in {"", "null"}
    }


def answered_arguments(line: bytes) -> list[str]:
    """The arguments in a line of an answer; empty if it is of another form."""
    try:
        message = _answer(line).message
    except json.NOT_STRICT:
        return []
    return [raw_text(call.function) for call in message.tool_calls or ()] if message is not None else []


def raw_text(function: _Function | None) -> str:
    """The text of the arguments; empty if there are none."""
    return "" if function is None else bytes(function.arguments).decode("utf-8", "replace")


def object_of(arguments: str) -> Raw | None:
    """`arguments` as an object to be written; no text is an empty object. None if it is something else."""
    if not arguments.strip():
        return Raw(b"{}")
    return Raw(arguments.translate(LINE_ENDS).encode()) if json.is_object(arguments) else None


def text_of(value: Any) -> str:
    """The text of arguments that were decoded: what a service wrote as a string is their text already."""
    if isinstance(value, str):
        return value
    return "" if value is None else json.encode(value).decode()
