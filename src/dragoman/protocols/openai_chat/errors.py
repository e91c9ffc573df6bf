"""Failures in this protocol's envelope."""

from functools import partial

from dragoman.errors import DragomanError
from dragoman.protocols.openai_chat.extra import NAME
from dragoman.protocols.openai_shared import errors
from dragoman.protocols.openai_shared.errors import OUTWARD, TYPES, failure_in
from dragoman.wire import json, sse

__all__ = ["OUTWARD", "TYPES", "decode_error", "envelope", "failure_in", "reported", "stream_error"]

reported = partial(errors.reported, NAME)
decode_error = partial(errors.decode_error, NAME)
envelope = partial(errors.envelope, NAME)


def stream_error(error: DragomanError) -> bytes:
    """The error inside a stream, as its last event."""
    return sse.encode(json.encode(envelope(error)))
