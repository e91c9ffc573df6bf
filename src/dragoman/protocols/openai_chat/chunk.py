"""What is read of a chat completion, chunk or whole, and of nothing else that a service may put there."""

from typing import Any

import msgspec
from msgspec import Struct

from dragoman.errors import BadEventError
from dragoman.types import Usage


class Function(Struct, gc=False):
    """A fragment of a call; some services give the arguments as an object."""

    name: str | None = None
    arguments: str | dict[str, Any] | None = None


class Call(Struct):
    """A fragment of one of several calls."""

    index: int | None = None
    id: str | None = None
    function: Function | None = None


class Delta(Struct):
    """What is new, or, in a whole answer, all. Thinking has two names, DeepSeek's and OpenRouter's; OpenAI has none."""

    content: str | list[Any] | None = None
    reasoning_content: str | None = None
    reasoning: str | None = None
    refusal: str | None = None
    tool_calls: list[Call] | None = None
    function_call: Function | None = None


class Choice(Struct):
    """One of the answers; we ask for one."""

    index: int | None = None
    delta: Delta | None = None
    message: Delta | None = None
    finish_reason: str | None = None


class InputDetails(Struct, gc=False):
    cached_tokens: int | None = None
    cache_write_tokens: int | None = None


class OutputDetails(Struct, gc=False):
    reasoning_tokens: int | None = None


class Report(Struct):
    """Tokens. `prompt_cache_hit_tokens`: DeepSeek's word for cached ones."""

    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    prompt_tokens_details: InputDetails | None = None
    completion_tokens_details: OutputDetails | None = None
    prompt_cache_hit_tokens: int | None = None


class Chunk(Struct):
    """One event."""

    choices: list[Choice] | None = None
    usage: Report | None = None
    error: Any = None


class Head(Struct):
    """What is read only of the first event."""

    id: Any = None
    model: Any = None
    created: Any = None
    system_fingerprint: Any = None
    service_tier: Any = None


_decode = msgspec.json.Decoder(Chunk).decode
_decode_leniently = msgspec.json.Decoder(Chunk, strict=False).decode
_decode_head = msgspec.json.Decoder(Head).decode


def decode_chunk(data: bytes) -> Chunk:
    """An event. What is not UTF-8 becomes U+FFFD; numbers may be written as strings. Raises BadEventError."""
    try:
        return _decode(data)
    except UnicodeDecodeError:
        return decode_chunk(_mended(data))
    except msgspec.ValidationError:
        return _lenient(data)
    except (msgspec.MsgspecError, RecursionError) as exc:
        raise BadEventError("expected an event of JSON, got something else") from exc


def decode_head(data: bytes) -> Head:
    """The same event's head; an empty one where it makes no sense, which is no reason to lose the answer."""
    try:
        return _decode_head(data)
    except UnicodeDecodeError:
        return decode_head(_mended(data))
    except (msgspec.MsgspecError, RecursionError):
        return Head()


def decode_usage(report: Report) -> Usage:
    """What was reported; what was not stays None."""
    read, written = report.prompt_tokens_details, report.completion_tokens_details
    cached = read.cached_tokens if read else None
    return Usage(
        input_tokens=report.prompt_tokens,
        output_tokens=report.completion_tokens,
        cache_read_tokens=report.prompt_cache_hit_tokens if cached is None else cached,
        cache_write_tokens=read.cache_write_tokens if read else None,
        reasoning_tokens=written.reasoning_tokens if written else None,
    )


def encode_usage(usage: Usage) -> dict[str, Any]:
    """The report; a count that is not known is left out."""
    known = {"prompt_tokens": usage.input_tokens, "completion_tokens": usage.output_tokens}
    if usage.input_tokens is not None and usage.output_tokens is not None:
        known["total_tokens"] = usage.input_tokens + usage.output_tokens
    body: dict[str, Any] = _known(known)
    if read := _known({"cached_tokens": usage.cache_read_tokens, "cache_write_tokens": usage.cache_write_tokens}):
        body["prompt_tokens_details"] = read
    if written := _known({"reasoning_tokens": usage.reasoning_tokens}):
        body["completion_tokens_details"] = written
    return body


def _known(counts: dict[str, int | None]) -> dict[str, int]:
    return {name: count for name, count in counts.items() if count is not None}


def _lenient(data: bytes) -> Chunk:
    try:
        return _decode_leniently(data)
    except UnicodeDecodeError:
        return _lenient(_mended(data))
    except (msgspec.MsgspecError, RecursionError) as exc:
        raise BadEventError("expected a chunk of a chat completion, got other JSON") from exc


def _mended(data: bytes) -> bytes:
    return data.decode("utf-8", "replace").encode()
