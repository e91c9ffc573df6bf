"""Says of each request why its service's cache of prompts was used or missed. Knows no protocol.

A request is compared with the earlier requests of its conversation that the same target has answered, and of these with
the one with which it has most in common: what that service may have cached. Only digests of them are kept, in the
memory of this process, and for the key that was shown: with another key nothing is known of them.

Most requests cost nothing here. Only if the answer reports tokens of a cache are the bytes of its request read, which
the server holds until the end in any case; a stream has then been sent.
"""

import secrets
from collections.abc import Callable
from hashlib import blake2b
from typing import Any

from msgspec import Struct

from dragoman.errors import InvalidRequestError
from dragoman.gateway.prompt_caches.conversations import Conversations, Sent
from dragoman.gateway.prompt_caches.fingerprint import (
    Fingerprint,
    differs,
    fingerprint,
    is_prefix,
    related,
    shared,
    shared_messages,
)
from dragoman.protocols.base import ServerCodec
from dragoman.types import CacheUse, Headers, Identity, Outcome, ServerRequest, Usage
from dragoman.types.cache_use import CacheReason
from dragoman.wire import json
from dragoman.wire.steps import Steps

MIN_BODY = 4 << 10
"""Bytes of a request below which its cache is not explained: services cache prompts of 1,024 tokens or more."""

LONGER: dict[str, float] = {"cache_write.1h": 3600.0}
"""Counts of a usage that say that the cache lives for so many seconds."""

Lifetime = Callable[[str], float | None]
"""The seconds for which a target keeps its cache after its last use; None: not known."""


class Asking(Struct, frozen=True):
    """A request, and who asks."""

    codec: ServerCodec
    """The front's."""
    call: ServerRequest
    identity: Identity
    model: str
    """The model as the caller named it."""


class CachePreview(Struct, frozen=True):
    """What a request would change, if it were sent now."""

    reason: CacheReason
    message: int | None = None
    """See `CacheUse`."""
    seconds: float | None = None
    """Since the request that it is compared with; None if there is none."""


class PromptCaches:
    """Explains the use of caches, and keeps what it needs for that."""

    def __init__(self, lifetime: Lifetime, conversations: Conversations | None = None) -> None:
        self._lifetime = lifetime
        self._known = Conversations() if conversations is None else conversations
        self._key = secrets.token_bytes(32)

    def successor(self, lifetime: Lifetime) -> "PromptCaches":
        """The same, with all that is known, for another configuration of services."""
        caches = PromptCaches(lifetime, self._known)
        caches._key = self._key
        return caches

    def concerns(self, outcome: Outcome, call: ServerRequest) -> bool:
        """Whether there is something to explain, which has not been explained yet."""
        return reports_cache(outcome.usage) and outcome.cache is None and len(call.body) >= MIN_BODY

    def explain(self, asking: Asking, outcome: Outcome) -> Steps[CacheUse]:
        """How the answer with this outcome used the cache. The request is kept for the next one."""
        usage = outcome.usage or Usage()
        found = yield from self._name_and_fingerprint(asking)
        if found is None:
            return _use("unknown", None, usage)
        (name, new), now = found, outcome.received_at
        known = self._known.find(name, now)
        earlier = _nearest(known, new, outcome.target)
        preview = self._compared(known, earlier, new, outcome.target, now)
        sent = Sent(outcome.target, new, now, _lives(earlier, new, usage))
        rest = (each for each in known if each.target != sent.target or not is_prefix(each.fingerprint, new))
        self._known.keep(name, (*rest, sent), now)
        reason = preview.reason
        if reason in {"hit", "expired"} and usage.cache_read_tokens:
            reason = "hit"  # whatever is said of its lifetime, it was there
        elif reason == "hit":
            reason = "unknown"
        return _use(reason, preview.message, usage)

    def preview(self, asking: Asking, target: str, now: float) -> Steps[CachePreview | None]:
        """What the request would change at `target`; None if it is too small. Nothing is kept."""
        if len(asking.call.body) < MIN_BODY:
            return None
        found = yield from self._name_and_fingerprint(asking)
        if found is None:
            return CachePreview("unknown")
        name, new = found
        known = self._known.find(name, now)
        return self._compared(known, _nearest(known, new, target), new, target, now)

    def _name_and_fingerprint(self, asking: Asking) -> Steps[tuple[bytes, Fingerprint] | None]:
        """The name of the conversation, and the request's fingerprint; None if it cannot be known."""
        regions = asking.codec.regions(asking.call)
        if regions is None:
            return None
        try:
            found = yield from fingerprint(regions, self._key)
        except InvalidRequestError:
            return None
        owner, said = asking.identity.fingerprint, asking.identity.attribution
        named: tuple[Any, ...] = (
            (owner, said.session, said.agent_id)
            if said.session
            else (owner, asking.model, found.first_message.hex(), None)
        )
        return blake2b(json.encode(named), digest_size=16, key=self._key).digest(), found

    def _compared(
        self, known: tuple[Sent, ...], earlier: Sent | None, new: Fingerprint, target: str, now: float
    ) -> CachePreview:
        if earlier is None:
            others = [sent.at for sent in known if related(sent.fingerprint, new)]
            return CachePreview("target", None, now - max(others)) if others else CachePreview("first")
        seconds = now - earlier.at
        changed = differs(earlier.fingerprint, new)
        if changed is not None:
            return CachePreview(*changed, seconds)
        lifetime = self._lifetime(target)
        expired = lifetime is not None and seconds > max(lifetime, earlier.lifetime)
        return CachePreview("expired" if expired else "hit", None, seconds)


def reports_cache(usage: Usage | None) -> bool:
    """Whether an answer says how many tokens came from a cache, or went to it, even if none did."""
    return usage is not None and (usage.cache_read_tokens is not None or usage.cache_write_tokens is not None)


def cache_header(use: CacheUse) -> Headers:
    """The header field that says it: `message 3; cached=1200; uncached=340`, without counts that are not known."""
    counts = (("cached", use.cached), ("uncached", use.uncached))
    said = [use.words, *(f"{name}={count}" for name, count in counts if count is not None)]
    return (("x-dragoman-cache", "; ".join(said)),)


def _nearest(known: tuple[Sent, ...], new: Fingerprint, target: str) -> Sent | None:
    """The request at the same target with which a new one has most in common; of several the latest."""
    here = [sent for sent in known if sent.target == target and related(sent.fingerprint, new)]
    return max(
        here,
        key=lambda sent: (shared(sent.fingerprint, new), shared_messages(sent.fingerprint, new), sent.at),
        default=None,
    )


def _lives(earlier: Sent | None, new: Fingerprint, usage: Usage) -> float:
    """For how long the service keeps what it has of `new`, as far as it has said so: now, or for what came before."""
    said = [seconds for name, seconds in LONGER.items() if usage.details.get(name)]
    before = [earlier.lifetime] if earlier is not None and differs(earlier.fingerprint, new) is None else []
    return max([*said, *before], default=0.0)


def _use(reason: CacheReason, message: int | None, usage: Usage) -> CacheUse:
    read, total = usage.cache_read_tokens, usage.input_tokens
    uncached = None if read is None or total is None else max(total - read, 0)
    return CacheUse(reason, message, read, uncached)
