"""What is read of a chat completion, a chunk or a whole one.

There are two ways. Nearly every chunk has the fields of the structs below and no others, each of the right type: one
call decodes it. That is the fast way. Anything else that a service sends (a field that has no place here, a number in
place of a text, NaN, half a character) makes that decoding fail. Then `read_loosely` reads the chunk: it keeps what it
understands of each field, and collects the fields that have no place here under names such as `message.images`. It is
an error only if the text itself cannot be read.
"""

from typing import Annotated, Any

import msgspec
from msgspec import Meta, Raw, Struct

from dragoman.errors import BadEventError
from dragoman.protocols.openai_chat.finish_reasons import FAILED
from dragoman.protocols.openai_chat.more import CHOICE, MESSAGE
from dragoman.protocols.reported_count import ReportedCount
from dragoman.wire import json
from dragoman.wire.floats import reader
from dragoman.wire.utf8 import well_formed

Empty = Annotated[list[Any], Meta(max_length=0)] | None
"""An empty list. If the list is not empty, it has no place here, and the chunk is read loosely."""


class Function(Struct, forbid_unknown_fields=True, gc=False):
    """A fragment of a call's function."""

    name: str | None = None
    arguments: str | None = None


class Custom(Struct, forbid_unknown_fields=True, gc=False):
    """A fragment of a freeform call."""

    name: str | None = None
    input: str | None = None


class Call(Struct, forbid_unknown_fields=True):
    """A fragment of one of several tool calls."""

    index: int | None = None
    id: str | None = None
    type: str | None = None
    function: Function | None = None
    custom: Custom | None = None

    @property
    def name(self) -> str:
        """The tool's name; empty if this fragment does not have it."""
        return (self.function and self.function.name) or (self.custom and self.custom.name) or ""

    @property
    def arguments(self) -> str:
        """More of what the tool is given."""
        return (self.function and self.function.arguments) or (self.custom and self.custom.input) or ""


class Delta(Struct, forbid_unknown_fields=True):
    """What is new in a chunk; in a whole answer, the message. Reasoning has DeepSeek's name and OpenRouter's."""

    role: str | None = None
    content: str | list[Any] | None = None
    reasoning_content: str | None = None
    reasoning: str | None = None
    refusal: str | None = None
    tool_calls: list[Call] | None = None
    function_call: Function | None = None
    audio: None = None
    annotations: Empty = None
    images: Empty = None
    reasoning_details: list[Any] | None = None


class TopLogprob(Struct, forbid_unknown_fields=True):
    token: str
    logprob: float
    bytes: tuple[int, ...] | None = None


class Logprob(TopLogprob, forbid_unknown_fields=True):
    """A token, and the most likely ones in its place."""

    top_logprobs: tuple[TopLogprob, ...] = ()


class Logprobs(Struct, forbid_unknown_fields=True):
    """Of the text, and of a refusal."""

    content: tuple[Logprob, ...] | None = None
    refusal: tuple[Logprob, ...] | None = None


class Choice(Struct, forbid_unknown_fields=True):
    """One of the answers; we ask for one."""

    index: int | None = None
    delta: Delta | None = None
    message: Delta | None = None
    finish_reason: str | None = None
    logprobs: Logprobs | None = None
    text: str | None = None
    """That of a completion which is no chat; see `as_chat`."""

    def as_chat(self) -> None:
        """Moves the text of a completion to the place that a chat has for it."""
        if self.delta is None and self.message is None:
            self.delta = Delta(content=self.text)


class InputDetails(Struct, forbid_unknown_fields=True, gc=False):
    cached_tokens: ReportedCount | None = None
    cache_write_tokens: ReportedCount | None = None
    audio_tokens: ReportedCount | None = None
    image_tokens: ReportedCount | None = None
    text_tokens: ReportedCount | None = None


class OutputDetails(Struct, forbid_unknown_fields=True, gc=False):
    reasoning_tokens: ReportedCount | None = None
    audio_tokens: ReportedCount | None = None
    image_tokens: ReportedCount | None = None
    text_tokens: ReportedCount | None = None
    accepted_prediction_tokens: ReportedCount | None = None
    rejected_prediction_tokens: ReportedCount | None = None


class UsageReport(Struct, forbid_unknown_fields=True):
    """The counts of tokens, if a service reports no others."""

    prompt_tokens: ReportedCount | None = None
    completion_tokens: ReportedCount | None = None
    total_tokens: ReportedCount | None = None
    prompt_tokens_details: InputDetails | None = None
    completion_tokens_details: OutputDetails | None = None


class Chunk(Struct):
    """One event.

    The fields of type None have no place here. They are listed because they may come in any chunk, which is then read
    loosely. Other such fields come in the first chunk, with a reason to stop, or with the usage: there `is_usual` looks
    for them.
    """

    choices: list[Choice] | None = None
    usage: UsageReport | None = None
    error: Any = None
    citations: None = None
    search_results: None = None
    images: None = None
    moderation: None = None
    x_groq: None = None


decode_chunk = reader(Chunk)
"""The fast way. Raises one of json.NOT_STRICT for a chunk that must be read loosely."""

STRANGE = "expected a chunk of a chat completion, got other JSON"

_fields = msgspec.json.Decoder(dict[str, Raw]).decode


class ChunkHead(Struct):
    """The fields that are read of the first chunk only."""

    id: Any = None
    model: Any = None
    created: Any = None
    system_fingerprint: Any = None
    service_tier: Any = None


_decode_head = reader(ChunkHead)


def decode_head(data: bytes) -> ChunkHead:
    """The head of a chunk; an empty one if it makes no sense, because that is no reason to lose the answer."""
    try:
        return _decode_head(data)
    except json.NOT_STRICT:
        return ChunkHead()


class LooseCall(Call):
    """A fragment of a call with further fields, such as Gemini's signatures of its thoughts."""

    extra: dict[str, Any] = msgspec.field(default_factory=dict)


class Loose(Struct):
    """A chunk that was read loosely."""

    chunk: Chunk
    value: dict[str, Any]
    """All of it, as JSON."""
    more: dict[str, Any]
    """The fields that have no place in `chunk`, under names such as `message.images`."""

    @property
    def head(self) -> ChunkHead:
        """The fields that are read of the first chunk only."""
        return ChunkHead(*(json.clean(self.value.get(name)) for name in ChunkHead.__struct_fields__))


USUAL = frozenset(
    {"id", "object", "created", "model", "choices", "usage", "error", "system_fingerprint", "service_tier"}
    | {"obfuscation"}
)
"""Fields of a chunk that have a place of their own, and one that is padding."""
CHOICE_FIELDS = frozenset({"index", "delta", "message", "text", "finish_reason", "error", "usage", "logprobs"})
DELTA_FIELDS = frozenset(
    {"role", "content", "tool_calls", "function_call", "reasoning_content", "reasoning", "refusal"}
    | {"reasoning_details"}
)
CALL_FIELDS = frozenset({"index", "id", "type", "function", "custom"})
CUSTOM_FIELDS = frozenset({"name", "input"})
FUNCTION_FIELDS = frozenset({"name", "arguments"})
TEXT_FIELDS = ("text", "thinking", "content", "reasoning", "refusal")
"""Fields that hold the text, if there is an object in place of a text."""
EMPTY: tuple[object, ...] = ([], {}, [{}])
MAX_INDEX = 1 << 20
NOTHING: tuple[object, ...] = (None, "", [], {})


def is_piece(chunk: Chunk) -> bool:
    """True if all that a chunk says is a piece of one text, or of one call's arguments."""
    choices = chunk.choices
    if not choices or len(choices) > 1:
        return False
    choice = choices[0]
    delta = choice.delta
    if delta is None or choice.message is not None or choice.logprobs is not None:
        return False
    if delta.refusal or delta.reasoning_details or delta.function_call is not None:
        return False
    calls = delta.tool_calls or ()
    if bool(delta.content) + bool(delta.reasoning_content) + bool(delta.reasoning) + len(calls) != 1:
        return False
    return not calls or not (calls[0].id or calls[0].name)


def is_usual(data: bytes) -> bool:
    """True if all fields of a decoded chunk have a place of their own."""
    try:
        return _fields(data).keys() <= USUAL
    except json.NOT_STRICT:
        return False


def read_loosely(data: bytes) -> Loose | None:
    """A chunk, of which each field is read as far as it can be understood; None if it is not an object.

    Halves of characters stay as they are in its texts and in a call's arguments; elsewhere each is U+FFFD. Raises
    BadEventError if it is not JSON, or if the text itself cannot be read.
    """
    value = json.decode_loosely(data)
    if not isinstance(value, dict):
        return None
    more = _rest(value, USUAL, "")
    chunk = Chunk(error=value.get("error"))
    if (choices := value.get("choices")) is not None:
        try:
            found = _objects(choices, CHOICE_FIELDS)
            chunk.choices = [piece for choice in found for piece in _choice(choice, more)]
        except RecursionError as exc:
            raise BadEventError("expected a chunk of a chat completion, got JSON that is nested too deeply") from exc
        if not found and choices not in EMPTY:
            raise BadEventError(STRANGE)
        chunk.error = chunk.error or next((choice["error"] for choice in found if choice.get("error")), None)
    chunk.error = json.clean(chunk.error)
    return Loose(chunk, value, more)


def _choice(value: dict[str, Any], more: dict[str, Any]) -> list[Choice]:
    """The choice, in several pieces if its delta is a list."""
    more |= _rest(value, CHOICE_FIELDS, CHOICE)
    index = _index(value.get("index"))
    pieces = [Choice(index, delta=delta) for delta in _deltas(value.get("delta"), more)]
    pieces += [Choice(index, message=message) for message in _deltas(value.get("message"), more)]
    if not pieces:
        pieces.append(Choice(index, text=read_text(value.get("text"))))
    pieces[-1].finish_reason = _reason(value)
    if (logprobs := json.clean(value.get("logprobs"))) is not None:
        try:
            pieces[-1].logprobs = msgspec.convert(logprobs, Logprobs)
        except msgspec.ValidationError:
            more[f"{CHOICE}logprobs"] = logprobs
    return pieces


def _reason(value: dict[str, Any]) -> str | None:
    """Why the model stopped. OpenRouter says `stop` of a service that failed, whose own word is beside it
    (earendil-works/pi#8511)."""
    reason, own = _word(value.get("finish_reason")), _word(value.get("native_finish_reason"))
    return own if reason and own in FAILED else reason


def _deltas(value: object, more: dict[str, Any]) -> list[Delta]:
    if isinstance(value, str):
        return [Delta(content=value)]
    return [_delta(delta, more) for delta in _unwrapped(value)]


def _unwrapped(value: object) -> list[dict[str, Any]]:
    """The objects that are deltas: the value, those in a list, or one that is all of another object.

    A field that is not known may hold objects with known fields: Groq's `executed_tools` have the `content` of pages.
    """
    match value:
        case list():
            return [found for item in value for found in _unwrapped(item)]
        case dict():
            inner = next(iter(value.values())) if len(value) == 1 and DELTA_FIELDS.isdisjoint(value) else None
            return [inner] if isinstance(inner, dict) and inner and inner.keys() <= DELTA_FIELDS else [value]
        case _:
            return []


def _delta(value: dict[str, Any], more: dict[str, Any]) -> Delta:
    more |= _rest(value, DELTA_FIELDS, MESSAGE)
    content = value.get("content")
    return Delta(
        content=content if isinstance(content, list) else [content] if isinstance(content, dict) else _text(content),
        reasoning_content=read_text(value.get("reasoning_content")),
        reasoning=read_text(value.get("reasoning")),
        refusal=read_text(value.get("refusal")),
        tool_calls=[_call(call) for call in _objects(value.get("tool_calls"), CALL_FIELDS)]
        + [Call(function=_function(old)) for old in _objects(value.get("function_call"), FUNCTION_FIELDS)],
        reasoning_details=json.clean(details) if isinstance(details := value.get("reasoning_details"), list) else None,
    )


def _call(value: dict[str, Any]) -> Call:
    call = LooseCall(_index(value.get("index")), _word(value.get("id")))
    call.extra = _rest(value, CALL_FIELDS, "")
    for function in _objects(value.get("function"), FUNCTION_FIELDS):
        said, known = _function(function), call.function or Function()
        call.function = Function(said.name or known.name, (known.arguments or "") + (said.arguments or ""))
        if rest := _rest(function, FUNCTION_FIELDS, ""):
            call.extra["function"] = rest
    for custom in _objects(value.get("custom"), CUSTOM_FIELDS):
        call.custom = Custom(_text(custom.get("name")), _text(custom.get("input")))
        if rest := _rest(custom, CUSTOM_FIELDS, ""):
            call.extra["custom"] = rest
    return call


def _function(value: dict[str, Any]) -> Function:
    arguments = value.get("arguments")
    if isinstance(arguments, dict | list):
        arguments = json.encode(json.clean(arguments)).decode()
    return Function(_text(value.get("name")), _text(arguments))


def read_text(value: object) -> str | None:
    """The text in a value, at any depth; None if there is none."""
    if isinstance(value, list):
        return "".join(filter(None, map(read_text, value))) or None
    if isinstance(value, dict):
        # An object with only one field: whatever its name is, that is the text.
        fields = value.values() if len(value) == 1 else (value.get(name) for name in TEXT_FIELDS)
        return "".join(filter(None, map(read_text, fields))) or None
    return _text(value)


def _objects(value: object, known: frozenset[str]) -> list[dict[str, Any]]:
    """The objects with any of the `known` fields: the value itself, or objects in it."""
    if isinstance(value, dict) and not known.isdisjoint(value):
        return [value]
    below = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return [found for item in below for found in _objects(item, known)]


def _rest(value: dict[str, Any], known: frozenset[str], where: str) -> dict[str, Any]:
    """The fields that are not `known`, except empty ones."""
    rest = {f"{where}{name}": said for name, said in value.items() if name not in known and said not in NOTHING}
    cleaned: dict[str, Any] = json.clean(rest)
    return cleaned


def _word(value: object) -> str | None:
    """A text that is no piece of a longer one."""
    word = _text(value)
    return None if word is None else well_formed(word)


def _text(value: object) -> str | None:
    """A text; a number counts as the text of its digits."""
    if isinstance(value, str):
        return value
    return json.encode(value).decode() if isinstance(value, int | float) and not isinstance(value, bool) else None


def _index(value: object) -> int | None:
    """An index in a list; None for a number that cannot be one."""
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) <= 9:
        return int(value)
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < MAX_INDEX else None
