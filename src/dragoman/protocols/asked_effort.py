"""How much a request to be relayed asks a model to think: read in the text of its fields. Knows no dialect."""

from typing import Any

import msgspec
from msgspec import Struct

from dragoman.protocols.relay_body import text_of
from dragoman.wire.floats import decode, reader


class _Asked(Struct):
    """What such fields may hold."""

    effort: Any = None
    summary: Any = None
    type: Any = None
    format: Any = None
    verbosity: Any = None


_asked = reader(_Asked)
NOTHING = _Asked()


def settings_in(field: Any) -> _Asked:
    """What a field says that holds an object; nothing if it holds none."""
    try:
        return NOTHING if field is None else _asked(text_of(field))
    except msgspec.MsgspecError:
        return NOTHING


def value_of(field: Any) -> Any:
    """The value of a field of `RelayBody`."""
    return None if field is None else decode(text_of(field))


def word(value: Any) -> str | None:
    """A word; None for anything else, of which the service says what is wrong."""
    return value if isinstance(value, str) else None
