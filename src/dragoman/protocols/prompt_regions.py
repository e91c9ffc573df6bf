"""The parts of a request by which a service finds what it has cached of a prompt. Knows no vendor.

Services cache the beginning of a prompt: the tools, then what the system says, then the messages. A part is given in a
form in which it stays the same as long as it means the same to the model and to the cache: the mark that says how far
to cache moves from message to message, and a text may be a string in one turn and a block in the next. The order of
fields is part of it, because services cache the text that they make of them.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import msgspec
from msgspec import Raw, Struct

from dragoman.errors import InvalidRequestError

MARK = "cache_control"
"""The field that says how far to cache. It is no part of the prompt."""
DEFERRED = "defer_loading"
"""The field of a tool that is loaded when the model looks for it: until then, it is no part of the prompt."""
SYSTEM = frozenset({"system", "developer"})
"""Roles whose messages belong to the system, if they stand before all others."""

UNREADABLE = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)
"""What reading JSON raises."""

_fields = msgspec.json.Decoder(dict[str, Raw]).decode
_list = msgspec.json.Decoder(list[Raw]).decode
_value = msgspec.json.Decoder().decode
_text = msgspec.json.Encoder().encode


class PromptRegions(Struct, frozen=True, gc=False):
    """The regions of a request, in the order in which they stand before the model. Empty: there is none."""

    tools: bytes
    system: bytes
    settings: bytes
    """Fields on which the cache of the messages depends."""
    messages: Iterable[bytes]
    """Made one by one, when they are asked for. Raises InvalidRequestError at one that cannot be read."""
    start: int = 0
    """The place of the first of `messages` in the caller's own list; those before it are part of `system`."""


class RegionFields(Struct, frozen=True):
    """Where the requests of a protocol have their regions."""

    messages: str
    tools: tuple[str, ...] = ("tools",)
    system: tuple[str, ...] = ()
    """Several names are spellings of one field."""
    settings: tuple[str, ...] = ()
    """`text.format` is a field in the object `text`."""
    elsewhere: frozenset[str] = frozenset()
    """Fields by which a request refers to a part of its prompt that is not in it."""


class _Speaker(Struct, gc=False):
    role: Any = None


_speaker = msgspec.json.Decoder(_Speaker).decode


def read_regions(body: bytes, fields: RegionFields) -> PromptRegions | None:
    """The regions of a request with this JSON; None if it has no messages, or not all of them, or is no object."""
    try:
        found = {name: bytes(raw) for name, raw in _fields(body).items() if bytes(raw) != b"null"}
        if not fields.elsewhere.isdisjoint(found):
            return None
        said = found.get(fields.messages, b"")
        messages = [bytes(each) for each in _list(said)] if said.startswith(b"[") else [said] if said else []
        start = next((i for i, each in enumerate(messages) if not _is_system(each)), len(messages))
        system = [*_named(found, fields.system), *messages[:start]]
        if not messages:
            return None
        return PromptRegions(
            tools=_written([_steady(_value(each)) for each in _named(found, fields.tools)]),
            system=_written([_steady(_value(each)) for each in system]),
            settings=_written(list(_settings(found, fields.settings))),
            messages=_messages(messages[start:]),
            start=start,
        )
    except UNREADABLE:
        return None


def _messages(texts: list[bytes]) -> Iterator[bytes]:
    for text in texts:
        try:
            yield _text(_steady(_value(text)))
        except UNREADABLE as exc:
            raise InvalidRequestError("a message cannot be read") from exc


def _named(found: Mapping[str, bytes], names: Iterable[str]) -> list[bytes]:
    return [found[name] for name in names if name in found]


def _settings(found: Mapping[str, bytes], names: Iterable[str]) -> Iterable[tuple[str, Any]]:
    for name in names:
        outer, _, inner = name.partition(".")
        value = _value(found[outer]) if outer in found else None
        if inner:
            value = value.get(inner) if isinstance(value, dict) else None
        if value is not None:
            yield name, value


def _is_system(message: bytes) -> bool:
    if not message.startswith(b"{"):
        return False
    role = _speaker(message).role
    return isinstance(role, str) and role in SYSTEM


def _written(values: list[Any]) -> bytes:
    """The text of a region; empty if nothing is in it."""
    return _text(values) if any(each not in ([], {}) for each in values) else b""


def _steady(value: Any) -> Any:
    """A field, a message or its content, without what may change while it means the same."""
    match value:
        case str():
            return [{"type": "text", "text": value}]
        case list():
            return [_bare(each) for each in value if not (isinstance(each, dict) and each.get(DEFERRED) is True)]
        case _:
            return _bare(value)


def _bare(block: Any) -> Any:
    if not isinstance(block, dict):
        return block
    bare = {name: each for name, each in block.items() if name != MARK}
    if isinstance(content := bare.get("content"), str | list):
        bare["content"] = _steady(content)
    return bare
