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
from dragoman.types import OpaqueState

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


def to_caller(state: OpaqueState) -> str:
    """The text that carries any state to a caller."""
    return written(state) if state.protocol == NAME and state.origin is None else wrapped(state, NAME)


def from_caller(text: str, *, redacted: bool) -> OpaqueState:
    """The state that a caller sent back."""
    return redacted_state(text, None) if redacted and not text.startswith(MARK) else unwrapped(text, NAME)


def beside(state: OpaqueState, where: str) -> str:
    """The text of a block beside the part that `state` belongs to; `where`: NEXT or LAST."""
    return wrapped(replace(state, protocol=f"{state.protocol}{where}"), NAME)


def neighbour(state: OpaqueState) -> tuple[OpaqueState, str]:
    """The state itself, and whose it is: NEXT, LAST, or empty if it is its block's own."""
    where = state.protocol[-1:]
    if where not in {NEXT, LAST}:
        return state, ""
    return replace(state, protocol=state.protocol[:-1]), where
