"""A service's failures to the tree of errors, and the tree to the envelope of both protocols.

`own` is the protocol of the service, and of the caller: further fields of an error are kept for callers of the same.
"""

import re
from collections.abc import Mapping
from typing import Any

from dragoman.error_words import CUT_WORDS, cut, scrub
from dragoman.errors import BadEventError, ContextLengthError, DragomanError, OpaqueStateError
from dragoman.protocols.errors.details import refined
from dragoman.protocols.errors.phrases import Phrases
from dragoman.protocols.errors.said import WORDS, opened, unflagged, value_of, word_of, words_of
from dragoman.protocols.errors.scrubbed import scrubbed
from dragoman.protocols.errors.status import ERROR_CODES, KEPT, STATUS, WAITED, error_for
from dragoman.protocols.errors.unread import unread
from dragoman.protocols.errors.waits import wait_said, wait_until
from dragoman.protocols.extra import without_none
from dragoman.types import HttpResponse, ResponseHead
from dragoman.wire import json

TYPES: dict[str, int] = {
    "invalid_request_error": 400,
    "BadRequestError": 400,
    "authentication_error": 401,
    "permission_error": 403,
    "not_found_error": 404,
    "NotFoundError": 404,
    "rate_limit_error": 429,
    "requests": 429,
    "tokens": 429,
    "overloaded_error": 503,
    "service_unavailable_error": 503,
    "timeout_error": 504,
}
"""Type to status, for a failure inside a stream that names only its type; any other is 500."""

NUMBERS: dict[int, int] = {
    40101: 401,
    40102: 401,
    40103: 403,
    40301: 404,
    42901: 429,
    42902: 429,
    42903: 503,
    50001: 500,
    50002: 500,
    50003: 500,
    50004: 500,
}
"""Codes of FastChat, whose status is always 400, to the status that is meant, if it is another one
(lm-sys/FastChat, fastchat/constants.py, seen 2026-11)."""

BASE = "base_resp"
"""Where MiniMax says how it went, with status 200: lobehub/lobehub#10255."""
KINDS: dict[int, str] = {
    1002: "rate_limit_error",
    1004: "authentication_error",
    1039: "rate_limit_error",
    1041: "rate_limit_error",
    2013: "invalid_request_error",
    2049: "authentication_error",
}
"""Its numbers, to types of this protocol: https://platform.minimax.io/docs/api-reference/errorcode"""

UNSURE = (None, 400)
"""Statuses that give way to such a code."""

PHRASES: Phrases = {
    "invalid_encrypted_content": OpaqueStateError,
    "encrypted content could not be decrypted": OpaqueStateError,
    "invalid signature in thinking block": OpaqueStateError,
    "blocks in the latest assistant message cannot be modified": OpaqueStateError,
    "thought signature is not valid": OpaqueStateError,
    "corrupted thought signature": OpaqueStateError,
}
"""OpenAI's code for encrypted reasoning that it cannot read (openai/codex#8145), and the words of the services behind
OpenRouter and its like, which pass them on."""

TOO_LONG = (
    "maximum context length is",
    "input tokens exceed the configured limit",
    "exceeds the context window",
    "exceeds the available context size",
    "exceeds the maximum number of tokens",
    "longer than the model's context length",
)
"""Words by which programs know that they must shorten their conversation."""

TOO_LONG_HERE = "Input tokens exceed the configured limit. Please reduce the length of the messages."
"""OpenAI's own, without its numbers."""

NAMED = frozenset({*WORDS, "code", "type", "param"})
"""Fields of an error object that have a place of their own in the tree of errors."""

MAX_EXTRA = 1 << 12
"""Bytes of further fields that an error keeps: 4 KiB are enough for any reason, but not to echo a long prompt."""


def failure_in(value: object) -> object:
    """The failure that a JSON value reports in one of the known forms; None if it reports none.

    `{"error": …}`, or `{"errors": …}`; the same in a list (Gemini); `{"object": "error", "message": …}` (vLLM, and
    Mistral, whose message is an object);
    `{"detail": …}` (FastAPI); `{"code": 1214, "msg": …}`, `{"status": "435", "msg": …}` (services with own programs);
    `{"Message": …}` (AWS); `{"error_code": 50002, "text": …}` (FastChat, inside a stream); `{"base_resp": {…}}`
    (MiniMax).
    """
    if isinstance(value, list) and value:
        return failure_in(value[0])
    if not isinstance(value, dict):
        return None
    if error := unflagged(value):
        return error
    if value.get("choices") or isinstance(value.get("output"), list):
        return None  # it is an answer, whatever else it says
    if errors := value.get("errors"):
        return errors
    match value.get(BASE):
        case {"status_code": int(number), "status_msg": str(message)} if number:
            return without_none({"code": number, "message": message, "type": KINDS.get(number)})
    if "choices" in value:
        return None
    if any(isinstance(value.get(name), str) for name in WORDS) or value.get("object") == "error":
        return value
    if (code := value.get("error_code")) and isinstance(text := value.get("text"), str):
        return {"code": code, "message": text}
    return value.get("detail") or None


def reported(own: str, failure: object, status: int | None = None, head: ResponseHead | None = None) -> DragomanError:
    """The error that a service reports. `status`: the reply's, if it is not one of success."""
    said = opened(_object(failure))
    message = _words(said)
    code, kind = word_of(said.get("code")), word_of(said.get("type"))
    if status in UNSURE:
        status = _number(said.get("code")) or status
    number = status or _status(said.get("code")) or _status(said.get("status")) or TYPES.get(kind or "", 500)
    shown = _shown(message) or "no reason was given"
    error = refined(error_for(number, shown, words=(code, kind), head=head, phrases=PHRASES), said, head)
    error.told_by = own
    if error.retry_after is None and isinstance(error, WAITED):
        error.retry_after = wait_said(said)
        if error.retry_after is None:
            error.retry_after = wait_until(_reset(said), head)
    error.param = word_of(said.get("param"))
    error.native_type = word_of(scrubbed(kind))
    # The message may have shown a more exact class: then a vaguer code of the service would hide it.
    exact = type(error) in KEPT or type(error) in {ERROR_CODES.get(code or ""), STATUS.get(number)}
    if code is not None and exact:
        error.native_code = word_of(scrubbed(code))
    more = {name: scrubbed(value) for name, value in said.items() if name not in NAMED}
    if more and len(json.encode(more)) <= MAX_EXTRA:
        error.extra = {own: more}
    return error


def decode_error(own: str, reply: HttpResponse) -> DragomanError:
    """The error that a reply without an answer means. A page, or a body of another type, is named but never shown."""
    status, head = reply.head.status, reply.head
    try:
        failure = failure_in(value_of(reply.body))
    except BadEventError:
        failure = None
    if failure is not None:
        return reported(own, failure, status if status >= 400 else None, head)
    return unread(reply)


def envelope(own: str, error: DragomanError, params: Mapping[str, str]) -> dict[str, Any]:
    """`error` as a caller expects it: in the service's words, if the service has the same protocol.

    `params`: names of our fields to the protocol's, if the two differ.
    """
    param, message = error.param, error.words_for(own)
    if isinstance(error, ContextLengthError) and error.told_by != own:
        message = _introduced(message)
    if param is not None and param in params:
        ours, param = param, params[param]
        message = re.sub(rf"(?<!\w){re.escape(ours)}(?!\w)", param, message)
    said = {
        "message": message,
        "type": error.native_type or error.type,
        "param": param,
        "code": error.native_code or error.code,
    }
    return {"error": {**error.extra.get(own, {}), **said}}


def _introduced(message: str) -> str:
    """A message that a conversation is too long, in words that LiteLLM and others know, who do not read the code."""
    lower = message.lower()
    return message if any(words in lower for words in TOO_LONG) else f"{TOO_LONG_HERE} {message}"


def _shown(message: str) -> str:
    """A service's message as an error carries it: on one line, cut, without credentials."""
    return cut(scrub(message[: 4 * CUT_WORDS]), CUT_WORDS)


def _object(failure: object) -> dict[str, Any]:
    """The failure as an object: FastAPI's validation puts it in a list of objects, others send only a text."""
    if isinstance(failure, list) and failure:
        failure = failure[0]
    if isinstance(failure, dict):
        # An error inside an error, as a gateway writes it whose service is a gateway.
        inner = failure.get("error")
        return (
            inner | {name: failure[name] for name in failure.keys() - inner.keys() - {"error"}}
            if isinstance(inner, dict)
            else failure
        )
    return {"message": words_of(failure)}


def _words(said: dict[str, Any]) -> str:
    """The message, and the real reason, which OpenRouter puts in `metadata.raw`."""
    message = words_of(said)
    metadata = said.get("metadata")
    raw = metadata.get("raw") if isinstance(metadata, dict) else None
    return f"{message}: {raw}" if isinstance(raw, str) and raw and raw not in message else message


def _reset(said: Mapping[str, Any]) -> object:
    """When a limit begins anew, in a header field that OpenRouter puts into the body."""
    metadata = said.get("metadata")
    headers = metadata.get("headers") if isinstance(metadata, dict) else None
    return headers.get("X-RateLimit-Reset") if isinstance(headers, dict) else None


def _number(value: object) -> int | None:
    return NUMBERS.get(value) if isinstance(value, int) else None


def _status(value: object) -> int | None:
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) == 3:
        value = int(value)
    return value if isinstance(value, int) and 400 <= value < 600 else None
