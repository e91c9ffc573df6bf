"""What became of a service's cache of prompts in one request: how much of it was used, and why not more."""

from typing import Literal

from msgspec import Struct

CacheReason = Literal["hit", "first", "tools", "system", "settings", "message", "target", "expired", "unknown"]
"""Why a cache was used or missed:

    hit        nothing of what was cached has changed
    first      no earlier request of the conversation is known
    tools      the tools have changed, or their order
    system     what the system says has changed
    settings   a setting has changed on which the cache depends, such as the choice of tools
    message    a message has changed, and all before it is the same
    target     the conversation went to another target before, which has a cache of its own
    expired    nothing has changed, but the service keeps a cache for less time than has gone by
    unknown    nothing that is known explains it, or what the request consists of is not known here
"""


class CacheUse(Struct, frozen=True):
    """How a request used its service's cache of prompts."""

    reason: CacheReason
    message: int | None = None
    """The place of the first message that has changed, counted from 0 in the caller's own list."""
    cached: int | None = None
    """Tokens of the input that were read from the cache; None if that was not reported."""
    uncached: int | None = None
    """All others of the input."""

    @property
    def words(self) -> str:
        """The reason in one or two words: `message 3`, or one of `CacheReason`."""
        return self.reason if self.message is None else f"{self.reason} {self.message}"
