"""The JSON text of arguments and results, as it came: read as values, numbers would be written in another form."""

from collections.abc import Sequence
from typing import Any

import msgspec
from msgspec import Raw, Struct

from dragoman.wire import json


class _Args(Struct):
    args: Raw = Raw()


class _Response(Struct):
    response: Raw = Raw()


class _Part(Struct):
    functionCall: _Args | None = None  # noqa: N815  # the protocol's names
    function_call: _Args | None = None
    functionResponse: _Response | None = None  # noqa: N815
    function_response: _Response | None = None
    toolCall: _Args | None = None  # noqa: N815
    tool_call: _Args | None = None
    toolResponse: _Response | None = None  # noqa: N815
    tool_response: _Response | None = None


class _Content(Struct):
    parts: list[_Part] | _Part | None = None


class _Candidate(Struct):
    content: _Content | None = None


class _Request(Struct):
    contents: list[_Content] | _Content | None = None


class _Reply(Struct):
    candidates: list[_Candidate] | None = None


_request = msgspec.json.Decoder(_Request).decode
_reply = msgspec.json.Decoder(_Reply).decode

Texts = Sequence[str]
"""Of the parts of one content, the text of what each holds; empty for a part that holds none."""


def request_texts(body: bytes) -> list[Texts]:
    """The texts of each content of a request; empty if the body has another form than it should."""
    try:
        contents = _request(body).contents
    except json.NOT_STRICT:
        return []
    return [_texts(content) for content in _listed(contents)]


def reply_texts(body: bytes) -> list[Texts]:
    """The texts of each candidate of a reply; empty if the body has another form than it should."""
    try:
        candidates = _reply(body).candidates
    except json.NOT_STRICT:
        return []
    return [[] if each.content is None else _texts(each.content) for each in candidates or ()]


def text_of(texts: Texts, at: int, value: object) -> str:
    """The text of the part at `at`, which holds `value`."""
    known = texts[at] if at < len(texts) else ""
    return known or json.encode(value).decode()


def _texts(content: _Content) -> Texts:
    return [_text(part) for part in _listed(content.parts)]


def _text(part: _Part) -> str:
    called = part.functionCall or part.function_call or part.toolCall or part.tool_call
    if called is not None:
        return bytes(called.args).decode("utf-8", "replace")
    answered = part.functionResponse or part.function_response or part.toolResponse or part.tool_response
    return "" if answered is None else bytes(answered.response).decode("utf-8", "replace")


def _listed(value: Any) -> list[Any]:
    """JSON of this protocol may write a list of one entry as the entry."""
    return value if isinstance(value, list) else [] if value is None else [value]
