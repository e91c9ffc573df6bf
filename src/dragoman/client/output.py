"""Answers as values of a type: the form that is asked for, the value that an answer is, and values under way."""

import re
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Generic, TypeVar

from msgspec.structs import asdict, replace

from dragoman.client.run import Correct, Run, Running
from dragoman.client.shapes import HELD, HeldShape, Shape, is_object
from dragoman.client.stream import ChatStream, View
from dragoman.engine.stream import Source, Texts
from dragoman.error_words import cut
from dragoman.errors import InvalidRequestError, OutputError
from dragoman.protocols.tools.schema.closed import OTHERS, Closer
from dragoman.protocols.tools.schema.keywords import children, types_of
from dragoman.types import (
    ChatRequest,
    ChatResponse,
    FinishReason,
    Message,
    OutputResponse,
    ResponseEnd,
    ResponseFormat,
    StreamEvent,
    user,
)
from dragoman.wire.partial_json import PartialJson

T = TypeVar("T")

FENCE = "```"
OPENING = re.compile(r"```\w*\s*")
"""The first line of a block of code: models answer with one although they are told not to."""

FENCE_LINE = 200
"""Characters of such a line at most."""

BEGUN = re.compile(r"\A\s*```\w*[ \t]*\n")

CUT_OFF: frozenset[FinishReason] = frozenset({"length", "content_filter", "refusal"})
"""Reasons to stop after which an answer is no value, and would not be one if it were asked for again."""

SAYING = frozenset({"type", "anyOf", "oneOf", "allOf", "$ref"})
"""Keywords of which a schema has one, if it does not take any value."""

AGAIN = "That does not fit the JSON Schema: {words}. Answer again, with the corrected JSON and nothing else."

WORDS = 500
"""Characters that an error and the model are told of what is wrong: validators name the place and the value."""


def shape_of(output: Any) -> Shape[Any]:
    """The shape of `output`. Raises TypeError if JSON cannot express it."""
    if isinstance(output, Mapping):
        raise TypeError("output: expected a type, got a dictionary: a JSON Schema goes into `response_format`")
    try:
        shape = Shape(output)
        return shape if is_object(shape.schema) else HeldShape(output)
    except TypeError as exc:
        raise TypeError(f"output: expected a type that JSON can express: {exc}") from exc


def with_form(request: ChatRequest, shape: Shape[Any]) -> ChatRequest:
    """`request` for an answer of this shape. Raises InvalidRequestError if it asks for another form already."""
    if request.response_format is not None:
        raise InvalidRequestError("output: expected no response_format beside it")
    strict = _is_strict(shape.schema)
    schema = Closer().closed(shape.schema) if strict else shape.schema
    form = ResponseFormat("json_schema", schema=schema, strict=True if strict else None, checked=True)
    return replace(request, response_format=form)


def read_output(shape: Shape[T], reply: ChatResponse) -> OutputResponse[T]:
    """`reply` with its value; without one if it calls tools. Raises OutputError."""
    fields = asdict(reply)
    if reply.tool_calls:
        return OutputResponse(**fields)
    if reply.finish_reason in CUT_OFF:
        cut_off = _wrong(f"expected {shape.name}, got an answer that ended with {reply.finish_reason!r}", reply)
        cut_off.retryable = False
        raise cut_off
    try:
        value = shape.read(unfenced(reply.text))
    except InvalidRequestError as exc:
        raise _wrong(f"expected {shape.name}: {cut(exc.message, WORDS)}", reply) from exc
    return OutputResponse(**fields, value=value)


def unfenced(text: str) -> str:
    """What is inside of a block of code, if `text` is nothing else; any other text as it is."""
    first, _, rest = text.strip().partition("\n")
    return rest.removesuffix(FENCE).rstrip() if rest.endswith(FENCE) and OPENING.fullmatch(first) else text


def correction(error: OutputError) -> Message:
    """What the model is told after an answer that `error` says is no value."""
    return user(AGAIN.format(words=error.message))


def corrector(shape: Shape[Any], retries: int) -> Correct:
    """What a run asks of its last answer: a value of this shape, with as many corrections as `retries`."""
    left = retries

    def correct(reply: ChatResponse) -> Message | None:
        nonlocal left
        try:
            read_output(shape, reply)
        except OutputError as exc:
            if not left or reply.finish_reason in CUT_OFF:
                raise
            left -= 1
            return correction(exc)
        return None

    return correct


def _wrong(message: str, reply: ChatResponse) -> OutputError:
    error = OutputError(message)
    error.text = reply.text
    return error


def _is_strict(schema: Any) -> bool:
    """Whether OpenAI's `strict` takes it: it wants every property to be required, objects to have no others, and no
    schema that takes any value."""
    if not isinstance(schema, dict):
        return True
    is_any_array = "array" in (types_of(schema) or ()) and schema.keys().isdisjoint({"items", "prefixItems"})
    if SAYING.isdisjoint(schema) or is_any_array:
        return False
    if "object" in (types_of(schema) or ()):
        properties = schema.get("properties", {})
        # An object without properties may have any, unless it is said to have no others.
        others = schema.get(OTHERS, not properties)
        if others is not False or set(properties) != set(schema.get("required", ())):
            return False
    return all(map(_is_strict, children(schema)))


class OutputStream(ChatStream, Generic[T]):
    """The answer to one question, which is a value of a type."""

    def __init__(self, opening: Callable[[], Awaitable[Source[StreamEvent]]], shape: Shape[T]) -> None:
        super().__init__(opening)
        self._shape = shape

    @property
    def partial(self) -> View[Any]:
        """The value as it grows, in dictionaries, lists, texts and numbers, as far as it has come; not checked."""
        return View(self, Partials(held=isinstance(self._shape, HeldShape)))

    async def response(self) -> OutputResponse[T]:
        """The whole answer with its `output`. Raises what went wrong, and OutputError if it is no such value: an answer
        that was shown as it came is not asked for again."""
        return read_output(self._shape, await super().response())


class OutputRun(Run, Generic[T]):
    """A model that calls functions, and whose last answer is a value of a type."""

    def __init__(self, running: Running, shape: Shape[T]) -> None:
        super().__init__(running)
        self._shape = shape

    async def response(self) -> OutputResponse[T]:
        """The last answer with its `output`. Raises what went wrong, and OutputError if it is no such value."""
        return read_output(self._shape, await super().response())


class Partials:
    """The value so far, after each batch that changes it."""

    def __init__(self, *, held: bool = False) -> None:
        """`held`: it is the one field of an object."""
        self._held = held
        self._texts = Texts()
        self._json = PartialJson()
        self._start: str | None = ""
        """The beginning of the answer, as long as it may be that of a block of code; then None."""

    def __call__(self, events: list[StreamEvent]) -> list[Any]:
        text = "".join(self._texts(events))
        is_last = isinstance(events[-1], ResponseEnd)
        if self._start is not None:
            self._start = (self._start + text).lstrip()
            if FENCE.startswith(self._start[:3]) and "\n" not in self._start and len(self._start) < FENCE_LINE:
                return []
            text, self._start = BEGUN.sub("", self._start), None
        return self._value() if (text or is_last) and self._json.feed(text, is_last=is_last) else []

    def _value(self) -> list[Any]:
        value = self._json.value
        if not self._held or not isinstance(value, dict):
            return [value]
        return [value[HELD]] if HELD in value else []
