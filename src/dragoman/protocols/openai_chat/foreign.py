"""What a service writes in the place of a chunk: errors, pages, words. Knows no stream, and nothing that came before.

What is certain to be a failure is raised, or handed out to be raised. What only looks like a message of the service is
handed out too: the answer may go on, and if it does not, that is why.
"""

import re

from dragoman.error_words import cut, scrub
from dragoman.errors import BadEventError, DragomanError, UpstreamError
from dragoman.protocols.errors.head import a_page
from dragoman.protocols.openai_chat.chunk import STRANGE
from dragoman.protocols.openai_chat.errors import failure_in, reported
from dragoman.protocols.streams.silent_events import SIGNS_OF_LIFE
from dragoman.wire import json

PLAIN_NAMES = frozenset({b"", b"message"})
"""Names of events that are meant for all readers of the stream."""

SILENT = frozenset(
    {"id", "object", "created", "model", "type", "event", "timestamp", "system_fingerprint", "service_tier"}
)
"""An object that has only such fields is a sign of life, and says nothing else."""

FAILED = re.compile(rb"error\s*:\s*(.+)", re.IGNORECASE | re.DOTALL)
"""A line that is not a field of an event stream: llama.cpp reported failures so until 2025."""

FIELD = re.compile(rb"[A-Za-z][\w-]*:")
"""A line that looks like a field. The standard says to ignore unknown fields."""


def named_error(data: bytes) -> DragomanError:
    """The error of an event with the name `error`, whatever its data is."""
    try:
        said = json.decode_event(data)
    except BadEventError:
        said = data.decode("utf-8", "replace")
    return reported(failure_in(said) or said)


def foreign_error(data: bytes) -> DragomanError:
    """What an event means that is no object: Gemini puts its errors in a list. Raises BadEventError for no JSON."""
    failure = failure_in(json.decode_event(data))
    return BadEventError(STRANGE) if failure is None else reported(failure)


def read_object(data: bytes, name: bytes) -> BadEventError | None:
    """What an object that is no chunk may mean, in an event of this name; None: nothing. Raises the error it reports.

    Those in events of another name are meant for others.
    """
    value = json.decode_event(data)
    if (failure := failure_in(value)) is not None:
        raise reported(failure)
    if name in PLAIN_NAMES and isinstance(value, dict) and any(value[name] for name in value.keys() - SILENT):
        return BadEventError(f"{STRANGE} with {cut(', '.join(value))}")
    return None


def is_silent(data: bytes) -> bool:
    """Whether an object says nothing: clients fail at it, because it has no choices."""
    value = json.decode_event(data)
    return isinstance(value, dict) and not any(value[name] for name in value.keys() - SILENT)


def read_stray(line: bytes) -> UpstreamError | None:
    """What a line may mean that belongs to no event; None: nothing. Raises the error it reports."""
    if line.startswith(b"<"):
        raise a_page("an event")
    if (failed := FAILED.fullmatch(line)) is not None:
        raise named_error(failed[1])
    if line and not FIELD.match(line) and line.lower() not in SIGNS_OF_LIFE:
        words = cut(scrub(line.decode("utf-8", "replace")))
        return UpstreamError(f"the service wrote {words!r} in the place of an event")
    return None
