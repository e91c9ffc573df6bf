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
from dragoman.types.messages import SYSTEM_ROLES
from dragoman.wire.floats import decode, reader
from dragoman.wire.json import NOT_STRICT
from dragoman.wire.json_array import JsonArrayReader
from dragoman.wire.steps import Steps

MARK = "cache_control"
"""The field that says how far to cache. It is no part of the prompt."""
DEFERRED = "defer_loading"
"""The field of a tool that is loaded when the model looks for it: until then, it is no part of the prompt."""

NULL = b"null"
LONG = 256 << 10
"""Bytes of a list of messages from which on it is read only as far as needed."""
STEP = 32 << 10
"""Bytes of it that are read in one step: that takes a millisecond at most."""

_fields = msgspec.json.Decoder(dict[str, Raw]).decode
_list = msgspec.json.Decoder(list[Raw]).decode
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


_speaker = reader(_Speaker)


def read_regions(body: bytes, fields: RegionFields) -> PromptRegions | None:
    """The regions of a request with this JSON; None if it has no messages, or not all of them, or is no object."""
    try:
        found = {name: bytes(raw) for name, raw in _fields(body).items() if bytes(raw) != NULL}
        if not fields.elsewhere.isdisjoint(found):
            return None
        said = found.get(fields.messages, b"")
        messages = [bytes(each) for each in _list(said)] if said.startswith(b"[") else [said] if said else []
        start = next((i for i, each in enumerate(messages) if not _is_system(each)), len(messages))
        system = [*_named(found, fields.system), *messages[:start]]
        if not messages:
            return None
        return PromptRegions(
            tools=_written([_steady(decode(each)) for each in _named(found, fields.tools)]),
            system=_written([_steady(decode(each)) for each in system]),
            settings=_written(list(_settings(found, fields.settings))),
            messages=_messages(messages[start:]),
            start=start,
        )
    except NOT_STRICT:
        return None


class PromptBeginning(Struct, frozen=True, gc=False):
    """The beginning of a prompt, in the forms of its regions."""

    system: bytes
    first: bytes
    """The first message that is not the system's; empty: there is none."""


def read_beginning(body: bytes, fields: RegionFields) -> Steps[PromptBeginning | None]:
    """The beginning of the prompt in a request with this JSON, in steps; None as for `read_regions`.

    Of a long list of messages only the beginning is read, after all fields were found, which is one step.
    """
    try:
        found = _fields(body)
        yield
        if any(bytes(found[name]) != NULL for name in fields.elsewhere & found.keys()):
            return None
        messages = yield from _first_messages(memoryview(found.get(fields.messages, NULL)))
        named = [text for name in fields.system if (text := bytes(found.get(name, NULL))) != NULL]
        start = next((i for i, each in enumerate(messages) if not _is_system(each)), len(messages))
        system = _written([_steady(decode(each)) for each in [*named, *messages[:start]]])
        first = next(_messages(messages[start : start + 1]), b"")
    except (*NOT_STRICT, InvalidRequestError):
        return None
    return PromptBeginning(system, first) if messages else None


def _first_messages(said: memoryview) -> Steps[list[bytes]]:
    """The messages up to the first that is not the system's, or more; `said`: the JSON of the field."""
    if said == NULL:
        return []
    if bytes(said[:1]) != b"[":
        return [bytes(said)]
    if len(said) <= LONG:
        return [bytes(each) for each in _list(said)]
    reader, messages = JsonArrayReader(), list[bytes]()
    for at in range(0, len(said), STEP):
        messages += reader.feed(bytes(said[at : at + STEP]))
        if any(not _is_system(each) for each in messages):
            break
        yield
    return messages


def _messages(texts: list[bytes]) -> Iterator[bytes]:
    for text in texts:
        try:
            yield _text(_steady(decode(text)))
        except NOT_STRICT as exc:
            raise InvalidRequestError("a message cannot be read") from exc


def _named(found: Mapping[str, bytes], names: Iterable[str]) -> list[bytes]:
    return [found[name] for name in names if name in found]


def _settings(found: Mapping[str, bytes], names: Iterable[str]) -> Iterable[tuple[str, Any]]:
    for name in names:
        outer, _, inner = name.partition(".")
        value = decode(found[outer]) if outer in found else None
        if inner:
            value = value.get(inner) if isinstance(value, dict) else None
        if value is not None:
            yield name, value


def _is_system(message: bytes) -> bool:
    if not message.startswith(b"{"):
        return False
    role = _speaker(message).role
    return isinstance(role, str) and role in SYSTEM_ROLES


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
