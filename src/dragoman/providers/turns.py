"""Our own values from callers, in any mixture with dictionaries, read and checked.

A message is a Message, what `msgspec.to_builtins` makes of one, or a dictionary in OpenAI's shape, whose content may be
parts of ours; a tool likewise. Of parts, plain text may stand for a Text.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, TypeVar, get_args

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from dragoman.error_words import cut, nearest
from dragoman.errors import InvalidRequestError
from dragoman.protocols.json_fields import kind
from dragoman.providers.own_media import read_media
from dragoman.providers.plain import plain
from dragoman.types import (
    AnyPart,
    AnyTool,
    ChatRequest,
    ChatResponse,
    Message,
    ResponseFormat,
    Role,
    ToolChoice,
    user,
)

T = TypeVar("T", bound=Struct)

ROLES: tuple[str, ...] = get_args(Role)

PARTS: dict[str, type[AnyPart]] = {str(part.__struct_config__.tag): part for part in get_args(AnyPart)}
"""The tags of parts to their classes."""

TOOLS: dict[str, type[AnyTool]] = {str(tool.__struct_config__.tag): tool for tool in get_args(AnyTool)}
"""The tags of tools to their classes."""

THEIRS = {"input_schema": "parameters", "inputSchema": "parameters", "content": "parts"}
"""Names of others (Anthropic's, of MCP) for fields of ours."""

PLACE = re.compile(r"(?P<reason>.*?)(?: - at `\$(?P<place>.*)`)?", re.DOTALL)
"""The form of msgspec's messages: what is wrong, and where."""

Read = tuple[list[dict[str, Any]], dict[int, T]]
"""Dictionaries in OpenAI's shape, and our own values by their places, each of which has a dictionary as placeholder."""


STAND_IN: dict[str, Any] = {"role": "user", "content": "."}
"""What stands for a message of our own among dictionaries."""


def read_question(text: str) -> Read[Message]:
    """A text alone: one message of a user. Most calls have no more, so it goes no longer way."""
    return [STAND_IN], {0: user(str.__str__(text))}


def read_messages(values: Sequence[object]) -> Read[Message]:
    """The messages. Raises InvalidRequestError that names the place, as `messages[2].parts[0].text`."""
    return _read(values, "messages", "a dictionary or a Message", _own_message, STAND_IN)


def read_tools(values: Sequence[object]) -> Read[AnyTool]:
    """The tools. Raises InvalidRequestError."""
    expected = "a dictionary, a Tool or a function"
    return _read(values, "tools", expected, _own_tool, {"type": "function", "function": {"name": "."}})


def read_choice(value: ToolChoice) -> ToolChoice:
    """`value`, checked. Raises InvalidRequestError."""
    return _converted(plain(value, "tool_choice"), ToolChoice, "tool_choice")


def read_format(value: ResponseFormat) -> ResponseFormat:
    """`value`, checked. Raises InvalidRequestError."""
    return _converted(plain(value, "response_format"), ResponseFormat, "response_format")


def checked_request(request: ChatRequest) -> ChatRequest:
    """`request`, checked. Raises InvalidRequestError."""
    if not isinstance(request, ChatRequest):
        raise InvalidRequestError(f"expected a ChatRequest, got {type(request).__name__}")
    said = msgspec.structs.asdict(request)
    messages = said.pop("messages")
    del said["source"]  # only the gateway has callers who write bytes
    if not isinstance(messages, list | tuple):
        raise InvalidRequestError(f"messages: expected messages, got {type(messages).__name__}")
    bodies, own = read_messages(messages)
    if len(own) < len(bodies):
        raise InvalidRequestError("messages: expected values of the type Message")
    rest = _converted({name: plain(value, name) for name, value in said.items()} | {"messages": []}, ChatRequest, "")
    return replace(rest, messages=tuple(own.values()))


def _read(values: Sequence[object], path: str, expected: str, own: "Own[T]", stand_in: dict[str, Any]) -> Read[T]:
    bodies: list[dict[str, Any]] = []
    ours: dict[int, T] = {}
    for i, value in enumerate(values):
        where = f"{path}[{i}]"
        body = plain(value, where)
        if not isinstance(body, dict):
            raise InvalidRequestError(f"{where}: expected {expected}, got {kind(body)}")
        read = own(value, body, where)
        if read is not None:
            ours[i] = read
        bodies.append(body if read is None else stand_in)
    return bodies, ours


Own = Callable[[object, dict[str, Any], str], T | None]
"""Reads one of our own values, which came as it is or as a dictionary; None if the dictionary has OpenAI's shape."""


def _own_message(value: object, body: dict[str, Any], path: str) -> Message | None:
    if isinstance(value, ChatResponse):
        raise InvalidRequestError(f"{path}: expected a message, got a {type(value).__name__}, whose `message` is one")
    if isinstance(value, AnyPart):
        raise InvalidRequestError(f"{path}: expected a message, got {type(value).__name__}, a part of one")
    if isinstance(value, Mapping) and _has_own_parts(value.get("content")):
        where = f"{path}.content"
        body = _with_parts(body, path, where)
    elif not isinstance(value, Message) and ("content" in body or "parts" not in body):
        return None
    else:
        where = f"{path}.parts"
    role = body.get("role")
    if role not in ROLES:
        raise InvalidRequestError(f"{path}.role: expected one of {', '.join(ROLES)}, got {_shown(role)}")
    message = _converted(body | {"parts": _parts(body.get("parts"), where)}, Message, path)
    if role == "assistant":  # what a service said is given back as it came
        return message
    return replace(message, parts=read_media(message.parts, where))


def _has_own_parts(content: object) -> bool:
    """Whether there are parts of ours in the `content` of a dictionary."""
    return isinstance(content, list | tuple) and any(isinstance(part, AnyPart) for part in content)


def _with_parts(body: dict[str, Any], path: str, where: str) -> dict[str, Any]:
    """The fields of a message, with its content, a list of our parts, as `parts`. From a tool, they are its result."""
    rest = {name: field for name, field in body.items() if name != "content"}
    if rest.get("role") != "tool":
        return rest | {"parts": body["content"]}
    call, name = rest.pop("tool_call_id", None), rest.pop("name", None)
    if not isinstance(call, str):
        raise InvalidRequestError(f"{path}.tool_call_id: expected a string, got {kind(call)}")
    result = {"kind": "tool_result", "id": call, "name": name, "parts": _parts(body["content"], where)}
    return rest | {"parts": [result]}


def _own_tool(value: object, body: dict[str, Any], path: str) -> AnyTool | None:
    if not isinstance(value, AnyTool) and ("type" in body or ("name" not in body and "kind" not in body)):
        return None
    word = body.get("kind", "tool")
    if word not in TOOLS:
        raise InvalidRequestError(f"{path}.kind: expected one of {', '.join(TOOLS)}, got {_shown(word)}")
    return _converted({name: field for name, field in body.items() if name != "kind"}, TOOLS[word], path)


def _parts(value: object, path: str) -> list[dict[str, Any]]:
    """The parts of a message or of a tool's result, each with its kind, and with fields that it knows."""
    if isinstance(value, str):
        return [{"kind": "text", "text": value}]
    if not isinstance(value, list):
        raise InvalidRequestError(f"{path}: expected text or a list of parts, got {kind(value)}")
    return list(_each_part(value, path))


def _each_part(values: list[Any], path: str) -> Iterator[dict[str, Any]]:
    for i, value in enumerate(values):
        where = f"{path}[{i}]"
        if isinstance(value, str):
            yield {"kind": "text", "text": value}
            continue
        if not isinstance(value, dict):
            raise InvalidRequestError(f"{where}: expected text or a part, got {kind(value)}")
        word = value.get("kind")
        if word is None and "type" in value:
            raise InvalidRequestError(f"{where}: expected a part of dragoman.types, as others there, got a dictionary")
        if word not in PARTS:
            raise InvalidRequestError(f"{where}.kind: expected one of {', '.join(PARTS)}, got {_shown(word)}")
        inner = {"parts": _parts(value["parts"], f"{where}.parts")} if "parts" in value else {}
        yield value | inner if word == "tool_result" else value
        _check_names(value, PARTS[word], where, "kind")


def _converted(body: dict[str, Any], into: type[T], path: str) -> T:
    _check_names(body, into, path)
    try:
        return msgspec.convert(body, into)
    except msgspec.ValidationError as exc:
        found = PLACE.fullmatch(str(exc))
        reason, place = (found["reason"], found["place"] or "") if found else (str(exc), "")
        raise InvalidRequestError(f"{f'{path}{place}'.removeprefix('.')}: {reason[:1].lower()}{reason[1:]}") from exc


def _check_names(body: dict[str, Any], known: type[Struct], path: str, *more: str) -> None:
    for name in body:
        if name not in (names := (*known.__struct_fields__, *more)):
            hint = f"; did you mean {THEIRS[name]}?" if THEIRS.get(name) in names else nearest(name, names)
            raise InvalidRequestError(f"{path}: expected no {cut(name, 40)!r} in a {known.__name__}{hint}")


def _shown(word: object) -> str:
    return repr(cut(word, 40)) if isinstance(word, str) else kind(word)
