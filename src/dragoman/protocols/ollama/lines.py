"""The lines of an answer: first in the fast way, as structs; a line with anything unusual is read loosely.

The fast way knows each field that the service writes. A line with another field, or with one of an unexpected type, is
decoded as plain values, of which each is taken as far as it can be understood; the rest is kept.
"""

from collections.abc import Mapping
from typing import Any

import msgspec
from msgspec import Raw, Struct, field

from dragoman.errors import BadEventError
from dragoman.protocols.errors.body import error_in
from dragoman.protocols.errors.nameless import nameless_call
from dragoman.protocols.ollama.arguments import answered_arguments, text_of
from dragoman.protocols.reported_count import ReportedCount, read_count
from dragoman.types import TokenLogprob
from dragoman.wire import json

DURATIONS = ("total_duration", "load_duration", "prompt_eval_duration", "eval_duration")
"""Nanoseconds, in the last line."""
SECOND = 1_000_000_000
"""Nanoseconds of a second."""

TEXTS = ("content", "thinking", "response")
"""Fields of a line or of its message; one that is no text is kept as it came."""

LISTS: tuple[tuple[str, type], ...] = (("tool_calls", dict), ("images", str))
"""Lists of a message, and what each has for entries."""


class Function(Struct, forbid_unknown_fields=True):
    name: str
    arguments: Raw = Raw(b"")
    index: int | None = None


class Call(Struct, forbid_unknown_fields=True):
    function: Function
    id: str | None = None
    type: str | None = None


class Said(Struct, forbid_unknown_fields=True):
    """The `message` of a line."""

    role: str | None = None
    content: str | None = None
    thinking: str | None = None
    tool_calls: list[Call] | None = None


class Probability(Struct, forbid_unknown_fields=True):
    token: str
    logprob: float
    bytes: tuple[int, ...] | None = None
    top_logprobs: "tuple[Probability, ...] | None" = None


class Line(Struct, forbid_unknown_fields=True):
    """A line as the service writes it; `/api/generate` has no `message`, but `response` and `thinking`."""

    model: str | None = None
    created_at: str | None = None
    remote_model: str | None = None
    remote_host: str | None = None
    message: Said | None = None
    response: str | None = None
    thinking: str | None = None
    done: bool | None = None
    done_reason: str | None = None
    total_duration: int | None = None
    load_duration: int | None = None
    prompt_eval_count: ReportedCount | None = None
    prompt_eval_duration: int | None = None
    eval_count: ReportedCount | None = None
    eval_duration: int | None = None
    logprobs: list[Probability] | None = None


class Called(Struct, frozen=True):
    """A call, and the text of its arguments."""

    name: str
    arguments: str = ""
    id: str | None = None
    rest: dict[str, Any] = field(default_factory=dict)


class Loose(Struct, frozen=True):
    """A line that was read loosely. `calls` are apart, because of their arguments; `rest`: fields nobody knows."""

    line: Line
    calls: list[Called] = field(default_factory=list)
    images: list[str] = field(default_factory=list)
    rest: dict[str, Any] = field(default_factory=dict)


_line = msgspec.json.Decoder(Line).decode


def read_line(line: bytes) -> Line | None:
    """The line, if it is one that the service writes; None if it must be read loosely."""
    try:
        return _line(line)
    except json.NOT_STRICT:
        return None


def calls_of(calls: list[Call]) -> list[Called]:
    """The calls of a usual line."""
    found: list[Called] = []
    for call in calls:
        raw = bytes(call.function.arguments)
        # What a service wrote as a string is their text already.
        is_text = raw[:1] == b'"' or raw == b"null"
        arguments = text_of(json.decode_event(raw)) if is_text else raw.decode("utf-8", "replace")
        found.append(Called(call.function.name, arguments, call.id))
    return found


def read_loosely(data: bytes) -> Loose:
    """A line with something unusual in it. Raises BadEventError, or the error that the line reports."""
    value = json.decode_event(data)
    if not isinstance(value, dict):
        raise BadEventError("expected a line of an answer, got other JSON")
    if (failure := error_in({"error": value.get("error")} | _words(value))) is not None and value.get("error"):
        raise failure
    message = value.pop("message", None)
    said = message if isinstance(message, dict) else {}
    odd = {name: value[name] for name in TEXTS if not isinstance(value.get(name, ""), str)}
    odd |= {f"message.{name}": said[name] for name in TEXTS if not isinstance(said.get(name, ""), str)}
    known = {name: value.pop(name) for name in Line.__struct_fields__ if name in value}
    content, thinking = _text(said.pop("content", None)), _text(said.pop("thinking", None))
    odd |= {f"message.{name}": said[name] for name, kind in LISTS if not isinstance(said.get(name, []), list | kind)}
    called, pictures = (_listed(said.pop(name, None), kind) for name, kind in LISTS)
    calls, images = _calls(called, data), _images(pictures)
    said.pop("role", None)
    value.pop("error", None)
    probabilities = _probabilities(known.get("logprobs"))
    line = Line(
        model=_text(known.get("model")),
        created_at=_text(known.get("created_at")),
        remote_model=_text(known.get("remote_model")),
        remote_host=_text(known.get("remote_host")),
        message=Said(content=content, thinking=thinking) if said is message else None,
        response=_text(known.get("response")),
        thinking=_text(known.get("thinking")),
        done=known["done"] is True if "done" in known else None,
        done_reason=_text(known.get("done_reason")),
        prompt_eval_count=read_count(known.get("prompt_eval_count")),
        eval_count=read_count(known.get("eval_count")),
        logprobs=probabilities,
    )
    for name in DURATIONS:
        setattr(line, name, read_count(known.get(name)))
    rest = value | {f"message.{name}": inner for name, inner in said.items()} | odd
    if probabilities is None:
        rest["logprobs"] = known.get("logprobs")
    return Loose(line, calls, images, {name: inner for name, inner in rest.items() if inner is not None})


def is_answer(line: Line) -> bool:
    """Whether a line looks like one of an answer at all."""
    return any(said is not None for said in (line.model, line.message, line.response, line.done))


def logprobs_of(found: list[Probability]) -> tuple[TokenLogprob, ...]:
    """The canonical values."""
    return tuple(map(_logprob, found))


def _logprob(found: Probability) -> TokenLogprob:
    return TokenLogprob(
        found.token, found.logprob, found.bytes, tuple(map(_logprob, found.top_logprobs)) if found.top_logprobs else ()
    )


def _words(value: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value[name] for name in ("code", "type") if name in value}


def _listed(value: Any, kind: type) -> list[Any]:
    """One entry, which is of `kind`, may stand without its list."""
    return value if isinstance(value, list) else [value] if value and isinstance(value, kind) else []


def _calls(value: list[Any], data: bytes) -> list[Called]:
    texts = answered_arguments(data)
    calls: list[Called] = []
    for i, found in enumerate(value):
        call = found if isinstance(found, dict) else {}
        function = call["function"] if isinstance(call.get("function"), dict) else {}
        name = function.get("name")
        if not isinstance(name, str) or not name:
            raise nameless_call()
        decoded = function.get("arguments")
        exact = texts[i] if i < len(texts) and isinstance(decoded, dict | list) else ""
        rest = {key: inner for key, inner in call.items() if key not in {"function", "id", "type"}} | {
            f"function.{key}": inner for key, inner in function.items() if key not in {"name", "arguments", "index"}
        }
        calls.append(Called(name, exact or text_of(decoded), _text(call.get("id")), rest))
    return calls


def _images(value: list[Any]) -> list[str]:
    return [image for image in value if isinstance(image, str) and image]


def _probabilities(value: Any) -> list[Probability] | None:
    try:
        return msgspec.convert(value, list[Probability] | None)
    except msgspec.MsgspecError:
        return None


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None
