"""Requests that every service gets as they are, known at a glance: a conversation in words, and settings that all have.

Most requests of chat programs are such. What looks for losses and fits a request to a model would walk through all of
it to find nothing.
"""

from itertools import compress
from operator import attrgetter, is_not

from msgspec import NODEFAULT
from msgspec.structs import fields

from dragoman.types import ChatRequest, Message, Text

MANY = 100
"""Messages of a conversation that is looked at in this way: a longer one is prepared in a thread anyway."""

SETTINGS = frozenset({"max_output_tokens", "temperature", "top_p"})
"""Settings that a plain request may have. A service or a model may be one that does not take them."""
HARMLESS = frozenset(
    {"messages", "model", "stream", "include_usage", "essential", "trace", "silent", "source", "extra"}
)
"""Fields that are no settings of a request. What is in `extra` is another question."""

_DEFAULTS = {
    field.name: field.default
    for field in fields(ChatRequest)
    if field.default is not NODEFAULT and field.name not in HARMLESS
}
_NAMES, _NOTHING = tuple(_DEFAULTS), tuple(_DEFAULTS.values())
_values = attrgetter(*_NAMES)


def plain_settings(request: ChatRequest) -> frozenset[str] | None:
    """The SETTINGS that `request` has; None if it is not plain."""
    messages = request.messages
    if not 0 < len(messages) <= MANY or messages[-1].role != "user":
        return None
    # Each value that is not set is the one object that is the default.
    said = frozenset(compress(_NAMES, map(is_not, _values(request), _NOTHING)))
    if not said <= SETTINGS or not all(map(_is_plain, messages)):
        return None
    if any(message.role == "system" for message in messages[1:]):
        return None
    temperature = request.temperature
    return said if temperature is None or 0 <= temperature <= 1 else None


def _is_plain(message: Message) -> bool:
    """Whether it is something in words, said by the system, the user or the model."""
    if message.extra or message.name is not None or message.role == "developer" or not message.parts:
        return False
    for part in message.parts:
        if type(part) is not Text or part.opaque or part.cache or part.extra or part.citations or part.logprobs:
            return False
        if not part.text or part.text.isspace():
            return False
    return True
