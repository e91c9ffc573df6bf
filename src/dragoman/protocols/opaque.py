"""Opaque state of one service in the protocol of a caller who speaks another. Knows no protocol by name.

A caller sends back what its own protocol has a place for: a signature, encrypted reasoning. State of another protocol,
or of a service that may not be the next target, travels in that place in one form:

    dragomanMark.ORIGIN.PROTOCOL.DATA
    dragomanMark and base64 of ORIGIN.PROTOCOL.DATA       if the place takes base64 only

`ORIGIN` names the service and model that wrote it; no other gets it back, except that a gateway like this one gets what
no service that is configured here has written: it, or one behind it, may have. The form needs no secret: the service
itself checks its data. Text without this form is a state of the caller's own protocol, as the service wrote it.

Each body that could be relayed is searched for the mark. Python looks for a text of twelve characters three times as
fast as for one of four, so the mark is long, and both forms begin with the same one.
"""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable
from contextlib import suppress
from functools import lru_cache
from hashlib import sha256

from msgspec.structs import replace

from dragoman.types import AnyPart, ChatRequest, Message, OpaqueState
from dragoman.wire.steps import PIECE, Steps, done

MARK = "dragomanMark"
"""Letters alone, three groups of four: what stands before base64 is base64 too."""
DOTTED = f"{MARK}."
QUOTED = f'"{MARK}'.encode()
"""How a JSON text with such state begins."""
HOME, ORIGIN = 6, 12
"""Characters of an origin, and those at its beginning that are of the service alone: two services, or two models of one
service, have the same ones in 6 of 10^8 pairs."""
BEGINNING = 20
"""Characters after a mark in base64 that hold an origin and the point after it: 20 are fifteen characters."""
NO_ORIGINS: frozenset[str] = frozenset()
UNKNOWN = "-"
"""Stands for an origin that is not known."""
STATELESS = f"{DOTTED}{UNKNOWN}.none."
"""What a caller gets in place of state if the service gave none: AI SDK 6 does not send reasoning back without it."""
STATELESS_JSON = f'"{STATELESS}"'.encode()


@lru_cache(maxsize=1024)
def origin(url: str, model: str) -> str:
    """The origin of what `model` at the service `url` writes."""
    return _digest(url)[:HOME] + _digest(f"{url}\n{model}")[: ORIGIN - HOME]


def _digest(text: str) -> str:
    return sha256(text.encode()).hexdigest()


def wrapped(state: OpaqueState, own: str) -> str:
    """The text that carries `state` in the protocol `own`."""
    return state.data if _is_plain(state, own) else f"{DOTTED}{_written(state)}"


def unwrapped(text: str, own: str) -> OpaqueState:
    """The state that a caller of the protocol `own` sent back."""
    found = _read(text.removeprefix(DOTTED)) if text.startswith(DOTTED) else None
    return found or OpaqueState(own, text)


def wrapped_base64(state: OpaqueState, own: str) -> str:
    """The same as `wrapped` for a protocol that has only base64 there."""
    return state.data if _is_plain(state, own) else MARK + urlsafe_b64encode(_written(state).encode()).decode()


def unwrapped_base64(text: str, own: str) -> OpaqueState:
    """The same as `unwrapped` for a protocol that has only base64 there."""
    found = None
    if text.startswith(MARK):
        # What cannot be decoded was not written here: it is the service's own.
        with suppress(ValueError):
            found = _read(urlsafe_b64decode(text.removeprefix(MARK)).decode())
    return found or OpaqueState(own, text)


def origins_in(body: bytes) -> frozenset[str]:
    """The origins of such state in a caller's body. Most have none; one that has some must be read, unless its service
    is a gateway like this one."""
    return done(origins_in_steps(body)) if body.find(QUOTED) >= 0 else NO_ORIGINS


def origins_in_steps(body: bytes) -> Steps[frozenset[str]]:
    """The same, in steps."""
    found: set[str] = set()
    for start in range(0, len(body), PIECE):
        end = start + PIECE + len(QUOTED) - 1
        at = body.find(QUOTED, start, end)
        while at >= 0:
            found.add(_origin(body[at + len(QUOTED) :][:BEGINNING]))
            at = body.find(QUOTED, at + 1, end)
        yield
    return frozenset(found)


def _origin(begun: bytes) -> str:
    """The origin in what follows a mark; empty if that is not in our form."""
    if not begun.startswith(b"."):
        try:
            begun = b"." + urlsafe_b64decode(begun)
        except ValueError:
            return ""
    found, point, _ = begun[1:].partition(b".")
    return found.decode("latin-1") if point else ""


def _is_plain(state: OpaqueState, own: str) -> bool:
    """Whether `state` stands in the protocol `own` as its service wrote it."""
    return state.protocol == own and state.origin is None


def _written(state: OpaqueState) -> str:
    return f"{state.origin or UNKNOWN}.{state.protocol}.{state.data}"


def _read(text: str) -> OpaqueState | None:
    """The state that `_written` wrote as `text`; None if it did not write that."""
    written, dot, rest = text.partition(".")
    protocol, second, data = rest.partition(".")
    return OpaqueState(protocol, data, None if written == UNKNOWN else written) if dot and second else None


def is_marked(state: OpaqueState | None) -> bool:
    """Whether `state` has a mark within: its service is a gateway like this one."""
    return state is not None and state.data.startswith(MARK)


def is_own(state: OpaqueState | None, own: str, written: str | None) -> bool:
    """Whether the service with the protocol `own` and the origin `written` can read `state`."""
    return state is not None and state.protocol == own and state.origin in {None, written}


def without_foreign(request: ChatRequest, own: str, written: str | None) -> ChatRequest:
    """`request` without the opaque state that this service cannot read; the same object if there is none."""
    if not has_state(request):
        return request
    messages = tuple(_cleared(message, own, written) for message in request.messages)
    changed = any(new is not old for new, old in zip(messages, request.messages, strict=True))
    return replace(request, messages=messages) if changed else request


def carrying(
    request: ChatRequest,
    own: str,
    written: str | None,
    carried: Callable[[AnyPart, OpaqueState, str | None], tuple[AnyPart, ...]],
    homes: frozenset[str],
) -> ChatRequest:
    """`request`, with all marked state of others than this service as `carried` writes it; the same object without any.

    So it goes to another gateway of ours: what that one, or one behind it, has marked may have come to our caller by a
    relay, and only they can tell whose it is. `homes`: services whose state is known not to be theirs.
    """
    if not has_state(request):
        return request
    messages = tuple(_carrying(message, own, written, carried, homes) for message in request.messages)
    changed = any(new is not old for new, old in zip(messages, request.messages, strict=True))
    return replace(request, messages=messages) if changed else request


def _carrying(
    message: Message,
    own: str,
    written: str | None,
    carried: Callable[[AnyPart, OpaqueState, str | None], tuple[AnyPart, ...]],
    homes: frozenset[str],
) -> Message:
    if message.role != "assistant" or not any(_is_foreign(part.opaque, own, written, homes) for part in message.parts):
        return message
    parts: list[AnyPart] = []
    for part in message.parts:
        state = part.opaque
        foreign = state is not None and _is_foreign(state, own, written, homes)
        parts += carried(part, state, written) if state is not None and foreign else (part,)
    return replace(message, parts=tuple(parts))


def _is_foreign(state: OpaqueState | None, own: str, written: str | None, homes: frozenset[str]) -> bool:
    """Whether `state` has the mark of a service that is neither this one nor one of `homes`."""
    if state is None or state.origin is None or is_own(state, own, written):
        return False
    return state.origin[:HOME] not in homes


def has_state(request: ChatRequest) -> bool:
    """Whether `request` has any opaque state. Most have none, and each is asked: loops cost half of generators."""
    for message in request.messages:
        for part in message.parts:
            if part.opaque is not None:
                return True
    return False


def has_own(request: ChatRequest, own: str, written: str | None) -> bool:
    """Whether `request` has opaque state that this service can read."""
    return has_state(request) and any(
        is_own(part.opaque, own, written) for message in request.messages for part in message.parts
    )


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
