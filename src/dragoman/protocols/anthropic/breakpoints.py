"""How many cache breakpoints a request may have: "A maximum of 4 blocks with cache_control may be provided".

Other protocols have no such limit. Of more the first one stays, which as a rule ends what all requests share, and the
last ones, from which the service looks back for what it has cached.
https://platform.claude.com/docs/en/build-with-claude/prompt-caching, 2026-11
"""

from collections.abc import Iterator
from typing import TypeVar

from msgspec.structs import replace

from dragoman.types import AnyPart, AnyTool, CacheBreakpoint, ChatRequest, Message, ToolResult, UnknownTool

MOST = 4

T = TypeVar("T", AnyPart, AnyTool)


def surplus(request: ChatRequest) -> list[str]:
    """The places of breakpoints that are too many, as `messages[0].parts[1].cache`."""
    places = list(_places(request))
    most = MOST - (request.cache is not None)
    return places[1 : len(places) - most + 1] if len(places) > most else []


def within_limit(request: ChatRequest) -> ChatRequest:
    """`request` without its `surplus`; the same object if it has none."""
    left_out = frozenset(surplus(request))
    if not left_out:
        return request
    kept = iter([place not in left_out for place in _places(request)])
    return replace(
        request,
        tools=tuple(_thinned(tool, kept) for tool in request.tools),
        messages=tuple(_message(message, kept) for message in request.messages),
    )


def _places(request: ChatRequest) -> Iterator[str]:
    """All breakpoints, in the order in which the service has them: tools come first."""
    for i, tool in enumerate(request.tools):
        if _mark(tool) is not None:
            yield f"tools[{i}].cache"
    for i, message in enumerate(request.messages):
        for j, part in enumerate(message.parts):
            yield from _places_in(part, f"messages[{i}].parts[{j}]")


def _places_in(part: AnyPart, place: str) -> Iterator[str]:
    if type(part) is ToolResult:
        for k, inner in enumerate(part.parts):
            yield from _places_in(inner, f"{place}.parts[{k}]")
    if part.cache is not None:
        yield f"{place}.cache"


def _message(message: Message, kept: Iterator[bool]) -> Message:
    return replace(message, parts=tuple(_part(part, kept) for part in message.parts))


def _part(part: AnyPart, kept: Iterator[bool]) -> AnyPart:
    if type(part) is ToolResult:
        part = replace(part, parts=tuple(_part(inner, kept) for inner in part.parts))
    return _thinned(part, kept)


def _thinned(value: T, kept: Iterator[bool]) -> T:
    return value if _mark(value) is None or next(kept) else replace(value, cache=None)


def _mark(value: AnyPart | AnyTool) -> CacheBreakpoint | None:
    return None if isinstance(value, UnknownTool) else value.cache
