"""Failures in this protocol's envelope."""

from functools import partial

from dragoman.errors import DragomanError
from dragoman.protocols.openai_chat.extra import NAME
from dragoman.protocols.openai_shared import errors
from dragoman.protocols.openai_shared.errors import TYPES, failure_in
from dragoman.wire import json, sse

__all__ = ["PARAMS", "TYPES", "decode_error", "envelope", "failure_in", "reported", "stream_error"]

reported = partial(errors.reported, NAME)
decode_error = partial(errors.decode_error, NAME)

PARAMS: dict[str, str] = {
    "candidate_count": "n",
    "max_output_tokens": "max_completion_tokens",
    "reasoning.effort": "reasoning_effort",
    "cache_key": "prompt_cache_key",
}
"""Names of our fields in an error, to those of this protocol, if the two differ."""

envelope = partial(errors.envelope, NAME, params=PARAMS)


SERVER_ERROR = "server_error"
"""The type of a failure that is not the caller's."""


def stream_error(error: DragomanError) -> bytes:
    """The error inside a stream, as its last event. It has no status: callers know by the type that the service failed.

    Continue asks again for this type alone (1.5.47, 2026-11-29), and not for those of other protocols.
    """
    told = envelope(error)
    if error.status >= 500 and error.told_by != NAME:
        told["error"]["type"] = SERVER_ERROR
    return sse.encode(json.encode(told))
