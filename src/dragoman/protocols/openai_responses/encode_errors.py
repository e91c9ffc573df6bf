"""Failures in the middle of a stream, and the heartbeat of a silent one."""

from functools import partial
from typing import Any

from dragoman.errors import DragomanError
from dragoman.protocols.openai_responses.extra import NAME
from dragoman.protocols.openai_shared import errors
from dragoman.types import ServerRequest
from dragoman.wire import json, sse

PARAMS: dict[str, str] = {
    "cache_key": "prompt_cache_key",
    "response_format": "text.format",
    "truncate": "truncation",
    "verbosity": "text.verbosity",
}
"""Names of our fields in an error, to those of this protocol, if the two differ."""

envelope = partial(errors.envelope, NAME, params=PARAMS)

HEARTBEAT = sse.encode(b'{"type":"keepalive"}', b"keepalive")
"""An event that no reader knows, and each passes over: comments do not reset Codex's timer (0.169.0, 2026-11-25)."""
SDK = b"x-stainless-lang"
"""A header of OpenAI's SDKs."""


def first_heartbeat(call: ServerRequest) -> bytes | None:
    """The heartbeat as long as nothing of the answer to `call` has been sent; None if it is the usual one.

    OpenAI's SDKs get a comment: each byte resets their timers, and their streams must begin with `response.created`,
    with the id that all later events have (Python 3.57.0, 2026-11-26), which is not known yet.
    """
    return None if call.header(SDK) is None else sse.HEARTBEAT


def failure(error: DragomanError, response: dict[str, Any], number: int) -> bytes:
    """The events that report that an answer broke off; `number`: the first one's.

    The first says it once as OpenAI does, flat, and once in an object, which makes its SDKs raise an error. `response`:
    the answer so far.
    """
    said = _said(error)
    flat = {"type": "error", "code": said["code"], "message": said["message"], "param": said["param"]}
    first = flat | {"error": said, "sequence_number": number}
    second = {"type": "response.failed", "response": failed(error, response), "sequence_number": number + 1}
    return event(first) + event(second)


def failed(error: DragomanError, response: dict[str, Any]) -> dict[str, Any]:
    """An answer that broke off; `response`: the answer so far."""
    said = _said(error)
    return response | {"status": "failed", "error": {"code": said["code"] or said["type"], "message": said["message"]}}


def _said(error: DragomanError) -> dict[str, Any]:
    found: dict[str, Any] = envelope(error)["error"]
    return found


def event(value: dict[str, Any]) -> bytes:
    """An event, named as it names itself."""
    return sse.encode(json.encode(value), value["type"].encode())
