"""The input of a call as the text in which it came, so that its numbers never become Python's."""

from collections.abc import Mapping
from typing import Any

import msgspec
from msgspec import UNSET, Raw, Struct, UnsetType

from dragoman.wire import json

FIELD = "input"
EMPTY = "{}"


class _Block(Struct):
    input: Raw | UnsetType = UNSET


class _Turn(Struct):
    content: list[_Block] | str | None = None


class _Request(Struct):
    messages: list[_Turn]


class _Start(Struct):
    content_block: _Block


_request = msgspec.json.Decoder(_Request).decode
_answer = msgspec.json.Decoder(_Turn).decode
_start = msgspec.json.Decoder(_Start).decode


def keep_in_request(body: bytes, value: Any) -> None:
    """Puts each call's text in the place of its `input` in `value`, which is what `body` decodes to."""
    if body.find(b'"input"') >= 0:
        try:
            turns = _request(body).messages
        except json.NOT_STRICT:
            return  # a field has a wrong type, and the reader of the messages names it
        for turn, said in zip(turns, value["messages"], strict=True):
            _keep(turn, said)


def keep_in_answer(body: bytes, value: Any) -> None:
    """The same for a whole answer."""
    if body.find(b'"input"') >= 0:
        try:
            _keep(_answer(body), value)
        except json.NOT_STRICT:
            return


def keep_in_start(data: bytes, value: Any) -> None:
    """The same for the event with which a block begins."""
    if data.find(b'"input"') >= 0:
        try:
            block = _start(data).content_block
        except json.NOT_STRICT:
            return
        if block.input is not UNSET:
            value["content_block"][FIELD] = _copied(block.input)


def text_of(value: object) -> str | None:
    """The JSON text of an input; None if it is no object."""
    if isinstance(value, Raw):
        text = bytes(value).decode("utf-8", "replace")
        return text if text.startswith("{") else None
    return json.encode(value).decode() if isinstance(value, Mapping) else None


def given_text(value: object) -> str:
    """The text of the input that a service gives, in whatever form: some write the text of the object."""
    text = text_of(value)
    if text is None:
        said = value_of(value)
        text = said if isinstance(said, str) else "" if said is None else json.encode(said).decode()
    return text or EMPTY


def value_of(value: object) -> object:
    """The value of an input that is kept as text."""
    return json.decode_loosely(bytes(value)) if isinstance(value, Raw) else value


def object_of(arguments: str) -> Raw | None:
    """The input that `arguments` is, as it stands, empty for none; None if it is not a JSON object."""
    text = arguments if arguments.strip() else EMPTY
    return Raw(text.encode()) if json.is_object(text) else None


def _keep(turn: _Turn, said: Any) -> None:
    if isinstance(turn.content, list):
        for block, body in zip(turn.content, said["content"], strict=True):
            if block.input is not UNSET:
                body[FIELD] = _copied(block.input)


def _copied(raw: Raw) -> Raw:
    return Raw(bytes(raw))
