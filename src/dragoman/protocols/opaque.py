"""Opaque state of one service in the protocol of a caller who speaks another. Knows no protocol by name.

A caller sends back what its own protocol has a place for: a signature, encrypted reasoning. State of another protocol,
or of a service that may not be the next target, travels in that place in one form:

    dr1.ORIGIN.PROTOCOL.DATA

`ORIGIN` names the service and model that wrote it; no other gets it back. The form needs no secret: the service itself
checks its data. Text without this form is a state of the caller's own protocol, as the service wrote it.
"""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error
from hashlib import sha256

from msgspec.structs import replace

from dragoman.types import AnyPart, ChatRequest, Message, OpaqueState

MARK = "dr1."
ENCODED_MARK = urlsafe_b64encode(b"dr1").decode()
"""How base64url of the form begins: `dr1` is a whole group of three bytes."""
ORIGIN = 8
"""Characters of an origin: two services of one gateway have the same one in 4 of 10^9 pairs."""
UNKNOWN = "-"
"""Stands for an origin that is not known."""


def origin(url: str, model: str) -> str:
    """The origin of what `model` at the service `url` writes."""
    return sha256(f"{url}\n{model}".encode()).hexdigest()[:ORIGIN]


def wrapped(state: OpaqueState, own: str) -> str:
    """The text that carries `state` in the protocol `own`."""
    if state.protocol == own and state.origin is None:
        return state.data
    return f"{MARK}{state.origin or UNKNOWN}.{state.protocol}.{state.data}"


def unwrapped(text: str, own: str) -> OpaqueState:
    """The state that a caller of the protocol `own` sent back."""
    if text.startswith(MARK):
        written, dot, rest = text.removeprefix(MARK).partition(".")
        protocol, second, data = rest.partition(".")
        if dot and second:
            return OpaqueState(protocol, data, None if written == UNKNOWN else written)
    return OpaqueState(own, text)


def wrapped_base64(state: OpaqueState, own: str) -> str:
    """The same for a protocol that has only base64 there."""
    text = wrapped(state, own)
    return urlsafe_b64encode(text.encode()).decode() if text.startswith(MARK) else text


def unwrapped_base64(text: str, own: str) -> OpaqueState:
    """The same for a protocol that has only base64 there."""
    if text.startswith(ENCODED_MARK):
        try:
            inner = urlsafe_b64decode(text).decode()
        except (Error, ValueError):
            inner = text
        state = unwrapped(inner, own)
        if state.data != inner:
            return state
    return OpaqueState(own, text)


def has_wrapped(body: bytes) -> bool:
    """Whether a caller's body may hold such state: then it must be read, and cannot be relayed."""
    return b'"dr1.' in body or b'"ZHIx' in body


def is_own(state: OpaqueState | None, own: str, written: str | None) -> bool:
    """Whether the service with the protocol `own` and the origin `written` can read `state`."""
    return state is not None and state.protocol == own and state.origin in {None, written}


def without_foreign(request: ChatRequest, own: str, written: str | None) -> ChatRequest:
    """`request` without the opaque state that this service cannot read; the same object if there is none."""
    messages = tuple(_cleared(message, own, written) for message in request.messages)
    changed = any(new is not old for new, old in zip(messages, request.messages, strict=True))
    return replace(request, messages=messages) if changed else request


def has_own(request: ChatRequest, own: str, written: str | None) -> bool:
    """Whether `request` has opaque state that this service can read."""
    return any(is_own(part.opaque, own, written) for message in request.messages for part in message.parts)


def disowned(request: ChatRequest) -> ChatRequest:
    """`request` with all opaque state as if an unknown service had written it: it is sent to none, and is lost."""
    return replace(request, messages=tuple(_disowned(message) for message in request.messages))


def _disowned(message: Message) -> Message:
    if all(part.opaque is None for part in message.parts):
        return message
    nobodys = OpaqueState(UNKNOWN, "", UNKNOWN)
    parts = tuple(part if part.opaque is None else replace(part, opaque=nobodys) for part in message.parts)
    return replace(message, parts=parts)


def _cleared(message: Message, own: str, written: str | None) -> Message:
    if all(part.opaque is None or is_own(part.opaque, own, written) for part in message.parts):
        return message
    return replace(message, parts=tuple(_without(part, own, written) for part in message.parts))


def _without(part: AnyPart, own: str, written: str | None) -> AnyPart:
    return part if is_own(part.opaque, own, written) else replace(part, opaque=None)
