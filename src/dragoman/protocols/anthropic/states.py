"""Opaque state in this protocol: signatures of thinking, and thinking that is not shown.

A signature and the data of a `redacted_thinking` block are not the same thing to the service. So the data of such a
block has a mark in our values, and is written as such a block wherever it has travelled.

State of another service that belongs to a text or a call has no place of its own here. It travels in a
`redacted_thinking` block beside that part, which callers send back: just before it, or just after it if it came at its
end. A sign behind the protocol's name says which.
"""

from msgspec.structs import replace

from dragoman.protocols.anthropic.extra import NAME
from dragoman.protocols.opaque import MARK, unwrapped, wrapped
from dragoman.types import AnyPart, ChatRequest, Message, OpaqueState, Reasoning

REDACTED = "redacted."
NEXT, LAST = ">", "<"
"""Behind the protocol's name: the state is that of the next part, or of the last one."""


def signature_state(text: str, origin: str | None) -> OpaqueState:
    """A signature, as the service wrote it."""
    return OpaqueState(NAME, text, origin)


def redacted_state(text: str, origin: str | None) -> OpaqueState:
    """The data of a `redacted_thinking` block, as the service wrote it."""
    return OpaqueState(NAME, REDACTED + text, origin)


def is_redacted(state: OpaqueState) -> bool:
    """Whether it is that of a `redacted_thinking` block."""
    return state.protocol == NAME and state.data.startswith(REDACTED)


def written(state: OpaqueState) -> str:
    """The text of a state of this protocol, as the service wrote it."""
    return state.data.removeprefix(REDACTED)


def with_signatures(request: ChatRequest, origin: str) -> ChatRequest:
    """`request` with an empty signature of `origin` on thoughts of the assistant that have words and no state; the same
    object if there is none.

    So services write them that sign nothing. DeepSeek refuses a turn whose thinking is missing (decolua/9router#2397),
    and without it thinking must be off while results of calls are awaited. Who refuses it is asked without.
    """
    if not any(map(_has_bare, request.messages)):
        return request
    state = signature_state("", origin)
    return replace(request, messages=tuple(_signed(message, state) for message in request.messages))


def _signed(message: Message, state: OpaqueState) -> Message:
    if not _has_bare(message):
        return message
    parts = tuple(replace(part, opaque=state) if _is_bare(part) else part for part in message.parts)
    return replace(message, parts=parts)


def _has_bare(message: Message) -> bool:
    return message.role == "assistant" and any(map(_is_bare, message.parts))


def _is_bare(part: AnyPart) -> bool:
    return isinstance(part, Reasoning) and part.opaque is None and bool(part.text)


def to_caller(state: OpaqueState) -> str:
    """The text that carries any state to a caller."""
    return written(state) if state.protocol == NAME and state.origin is None else wrapped(state, NAME)


def from_caller(text: str, *, redacted: bool) -> OpaqueState:
    """The state that a caller sent back."""
    return redacted_state(text, None) if redacted and not text.startswith(MARK) else unwrapped(text, NAME)


def beside(state: OpaqueState, where: str) -> str:
    """The text of a block beside the part that `state` belongs to; `where`: NEXT or LAST."""
    return wrapped(replace(state, protocol=f"{state.protocol}{where}"), NAME)


def carried(part: AnyPart, state: OpaqueState, origin: str | None) -> tuple[AnyPart, ...]:
    """`part` with the `state` of another service, for a service that is a gateway; `origin`: that of its own state."""
    if isinstance(part, Reasoning):
        text = wrapped(state, NAME)
        return (replace(part, opaque=signature_state(text, origin) if part.text else redacted_state(text, origin)),)
    block = Reasoning(text="", form="redacted", opaque=redacted_state(beside(state, NEXT), origin))
    return block, replace(part, opaque=None)


def neighbour(state: OpaqueState) -> tuple[OpaqueState, str]:
    """The state itself, and whose it is: NEXT, LAST, or empty if it is its block's own."""
    where = state.protocol[-1:]
    if where not in {NEXT, LAST}:
        return state, ""
    return replace(state, protocol=state.protocol[:-1]), where
