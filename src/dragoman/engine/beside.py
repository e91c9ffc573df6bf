"""Work on a request that must not hold the loop for long. Knows no protocol."""

import asyncio
from collections.abc import Callable
from typing import ParamSpec, TypeVar

from dragoman.protocols.tool_schema.cache import NewSchemaError, with_known
from dragoman.types import ChatRequest

P = ParamSpec("P")
T = TypeVar("T")

MANY = 500
"""Messages of a request from which on a thread looks for its losses, fits and encodes it: a message takes some eight
microseconds in each of them, and the loop goes on meanwhile."""


async def beside(request: ChatRequest, work: Callable[P, T], *args: P.args, **options: P.kwargs) -> T:
    """What `work` returns, which looks at each message and schema of `request` and may be begun twice.

    It is done in a thread if there are many messages, or a schema that has not been compiled yet: that takes up to 50
    ms, and an agent may have 200 tools.
    """
    if not is_long(request):
        if not request.tools and request.response_format is None:
            return work(*args, **options)
        try:
            return with_known(work, *args, **options)
        except NewSchemaError:
            pass
    return await asyncio.to_thread(work, *args, **options)


def is_long(request: ChatRequest) -> bool:
    """Whether what looks at each message of `request` should not do so on the loop."""
    return len(request.messages) > MANY
