"""Work on a request that must not hold the loop for long. Knows no protocol."""

import asyncio
from collections.abc import Callable
from typing import ParamSpec, TypeVar

from dragoman.protocols.tools.schema.cache import NewSchemaError, with_known
from dragoman.types import ChatRequest, HostedCall, Text, ToolCall, ToolResult

P = ParamSpec("P")
T = TypeVar("T")

MANY = 500
"""Messages, parts and tools of a request from which on a thread looks for its losses, fits and encodes it: each takes
some eight microseconds in each of them, and the loop goes on meanwhile."""

ARGUMENTS = 128
"""Characters of a call's arguments that count as one more: if they end too early, each bracket in them is looked at."""


async def beside(request: ChatRequest, work: Callable[P, T], *args: P.args, **options: P.kwargs) -> T:
    """What `work` returns, which looks at each part and schema of `request` and may be begun twice.

    It is done in a thread if there are many parts, or a schema that has not been compiled yet: that takes up to 50
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
    """Whether what looks at each part of `request` should not do so on the loop."""
    count = len(request.messages) + len(request.tools)
    for message in request.messages:
        parts = message.parts
        count += len(parts)
        if count > MANY:
            break
        for part in parts:
            kind = type(part)  # this is asked of each part of each request: `isinstance` takes ten times as long
            if kind is ToolCall or kind is HostedCall:
                count += len(part.arguments) // ARGUMENTS  # type: ignore[union-attr]  # by its type
            elif kind is ToolResult:
                count += len(part.parts)  # type: ignore[union-attr]
            elif kind is Text:
                count += len(part.citations)  # type: ignore[union-attr]
    return count > MANY
