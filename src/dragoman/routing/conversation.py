"""Which conversation a request belongs to: a digest of what stays the same from turn to turn. Knows no route.

A service's cache of prompts holds the beginning of a prompt. So two requests belong together if the same key asks the
same model, and if the system says the same and the first message is the same; or if the program that asks names its
session. The digest is the same in every process, so that all of them choose alike without telling each other.
"""

from hashlib import blake2b
from itertools import takewhile

from dragoman.protocols.base import ServerCodec
from dragoman.types import ChatRequest, Identity, ServerRequest
from dragoman.types.messages import SYSTEM_ROLES
from dragoman.wire.steps import Steps

SIZE = 16
"""Bytes of a digest."""


def conversation_in(codec: ServerCodec, call: ServerRequest, identity: Identity, model: str) -> Steps[bytes | None]:
    """The conversation of a caller's request for `model`, from its own bytes; None if it cannot be known from them.

    The bytes are read in steps, because a large body must not hold the loop.
    """
    owner, said = identity.fingerprint, identity.attribution
    if said.session:
        return _digest(owner, model, said.session, said.agent_id)
    begun = yield from codec.beginning(call)
    return None if begun is None else _digest(owner, model, begun.system, begun.first)


def conversation_of(request: ChatRequest) -> bytes:
    """The conversation of a request that has no caller, or that cannot be known from its caller's bytes."""
    messages = request.messages
    system = list(takewhile(lambda message: message.role in SYSTEM_ROLES, messages))
    texts = [message.text for message in messages[: len(system) + 1]]
    return _digest("", request.model, str(len(system)), *texts)


def _digest(*parts: str | bytes) -> bytes:
    found = blake2b(digest_size=SIZE)
    for part in parts:
        data = part.encode("utf-8", "surrogatepass") if isinstance(part, str) else part
        found.update(len(data).to_bytes(8))
        found.update(data)
    return found.digest()
