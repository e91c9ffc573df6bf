"""What is read of a chat completion, chunk or whole.

Nearly every chunk has the fields of the structs below and no others, each of the right type: those are decoded at once,
and that is the fast way. Whatever else a service may send (a field that has no place here, a number in the place of a
text, NaN, half a character) makes that decoding fail, and `read_loosely` takes its place: it keeps of each field what
can be understood, and collects what has no place here under names such as `message.images`. Only a chunk whose text
itself cannot be read is an error.
"""

from typing import Annotated, Any

import msgspec
from msgspec import Meta, Struct

from dragoman.errors import BadEventError
from dragoman.protocols.openai_chat.more import CHOICE, MESSAGE
from dragoman.wire import json

Empty = Annotated[list[Any], Meta(max_length=0)] | None
"""A list that says nothing. One that does has no place here, so that the chunk is read loosely."""


class Function(Struct, forbid_unknown_fields=True, gc=False):
    """A fragment of a call."""

    name: str | None = None
    arguments: str | None = None


class Call(Struct, forbid_unknown_fields=True):
    """A fragment of one of several calls."""

    index: int | None = None
    id: str | None = None
    type: str | None = None
    function: Function | None = None


class Delta(Struct, forbid_unknown_fields=True):
    """What is new, or, in a whole answer, all. Thinking has two names, DeepSeek's and OpenRouter's; OpenAI has none."""

    role: str | None = None
    content: str | list[Any] | None = None
    reasoning_content: str | None = None
    reasoning: str | None = None
    refusal: str | None = None
    tool_calls: list[Call] | None = None
    function_call: Function | None = None
    audio: None = None
    annotations: Empty = None


class Choice(Struct, forbid_unknown_fields=True):
    """One of the answers; we ask for one."""

    index: int | None = None
    delta: Delta | None = None
    message: Delta | None = None
    finish_reason: str | None = None
    logprobs: None = None


class Chunk(Struct):
    """One event. Of the fields without a place here those are named that may come in any chunk; the others come in the
    first, in one with a reason to stop, or with the usage, and these chunks are read loosely too.
    """

    choices: list[Choice] | None = None
    usage: Any = None
    error: Any = None
    citations: None = None
    search_results: None = None
    images: None = None
    x_groq: None = None


decode_chunk = msgspec.json.Decoder(Chunk).decode
"""The fast way. Raises msgspec's errors, UnicodeDecodeError or RecursionError for what must be read loosely."""

STRANGE = "expected a chunk of a chat completion, got other JSON"

TOO_STRANGE = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)
"""What `decode_chunk` raises."""


class LooseCall(Call):
    """A fragment of a call that says more than others do, such as Gemini's signatures of its thoughts."""

    extra: dict[str, Any] = msgspec.field(default_factory=dict)


class Loose(Struct):
    """A chunk that was read loosely. `value`: all of it. `more`: what has no place in `chunk`, by its name."""

    chunk: Chunk
    value: dict[str, Any]
    more: dict[str, Any]


HEAD = frozenset(
    {"id", "object", "created", "model", "choices", "usage", "error", "system_fingerprint", "service_tier"}
)
"""Fields of a chunk with a place of their own. `obfuscation` is padding, which means nothing."""
PADDING = frozenset({"obfuscation"})
CHOICE_FIELDS = frozenset({"index", "delta", "message", "text", "finish_reason", "error", "usage"})
TEXTS = ("reasoning_content", "reasoning", "refusal")
DELTA_FIELDS = frozenset({"role", "content", "tool_calls", "function_call", *TEXTS})
CALL_FIELDS = frozenset({"index", "id", "type", "function"})
FUNCTION_FIELDS = frozenset({"name", "arguments"})
NOTHING: tuple[object, ...] = (None, "", [], {})


def read_loosely(data: bytes) -> Loose | None:
    """A chunk, of which each field is taken as far as it can be understood; None if it is no object.

    Raises BadEventError for what is no JSON, and if the text itself cannot be read.
    """
    value = json.decode_loosely(data)
    if not isinstance(value, dict):
        return None
    more = _rest(value, HEAD | PADDING, "")
    chunk = Chunk(error=value.get("error"))
    choices = value.get("choices")
    if isinstance(choices, dict):
        choices = [choices]
    if isinstance(choices, list):
        objects = [choice for choice in choices if isinstance(choice, dict)]
        if choices and not objects:
            raise BadEventError(STRANGE)
        chunk.error = chunk.error or next((choice["error"] for choice in objects if choice.get("error")), None)
        chunk.choices = [_choice(choice, more) for choice in objects]
    elif choices:
        raise BadEventError(STRANGE)
    return Loose(chunk, value, more)


def _choice(value: dict[str, Any], more: dict[str, Any]) -> Choice:
    more |= _rest(value, CHOICE_FIELDS, CHOICE)
    message, delta = _delta(value.get("message"), more), _delta(value.get("delta"), more)
    if message is None and delta is None and (text := _text(value.get("text"))):
        delta = Delta(content=text)  # a completion that is no chat has its text here
    return Choice(_index(value.get("index")), delta, message, _text(value.get("finish_reason")))


def _delta(value: object, more: dict[str, Any]) -> Delta | None:
    if not isinstance(value, dict):
        return Delta(content=value) if isinstance(value, str) else None
    more |= _rest(value, DELTA_FIELDS, MESSAGE)
    content = value.get("content")
    delta = Delta(
        content=content if isinstance(content, list) else [content] if isinstance(content, dict) else _text(content)
    )
    for name in TEXTS:
        said = value.get(name)
        if isinstance(said, list | dict) and said:
            more[f"{MESSAGE}{name}"] = said
        else:
            setattr(delta, name, _text(said))
    calls = value.get("tool_calls")
    found = [calls] if isinstance(calls, dict) else calls if isinstance(calls, list) else []
    delta.tool_calls = [_call(call) for call in found if isinstance(call, dict)]
    if isinstance(old := value.get("function_call"), dict):
        delta.function_call = _function(old)
    return delta


def _call(value: dict[str, Any]) -> Call:
    function = value.get("function")
    call = LooseCall(_index(value.get("index")), _text(value.get("id")))
    call.extra = _rest(value, CALL_FIELDS, "")
    if isinstance(function, dict):
        call.function = _function(function)
        if rest := _rest(function, FUNCTION_FIELDS, ""):
            call.extra["function"] = rest
    return call


def _function(value: dict[str, Any]) -> Function:
    arguments = value.get("arguments")
    if isinstance(arguments, dict | list):
        arguments = json.encode(json.clean(arguments)).decode()
    return Function(_text(value.get("name")), _text(arguments))


def _rest(value: dict[str, Any], known: frozenset[str], where: str) -> dict[str, Any]:
    """The fields that say something and are not `known`."""
    return {
        f"{where}{name}": json.clean(said) for name, said in value.items() if name not in known and said not in NOTHING
    }


def _text(value: object) -> str | None:
    """A text; a number is the text that it is written as."""
    if isinstance(value, str):
        return value
    return json.encode(value).decode() if isinstance(value, int | float) and not isinstance(value, bool) else None


def _index(value: object) -> int | None:
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) <= 9:
        return int(value)
    return value if isinstance(value, int) and not isinstance(value, bool) else None
