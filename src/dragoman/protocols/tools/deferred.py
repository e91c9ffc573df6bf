"""Tools that are to be loaded later, for services that have all of them at once. Knows no protocol by name.

Services cache the beginning of a prompt, and the tools stand there. An agent puts a tool that it has found among the
others, in the order of their names; a service that cannot load it later gets it after all that were there before, which
then stay in its cache.
"""

from msgspec.structs import replace

from dragoman.types import AnyTool, ChatRequest, Tool

DEFERS = "tool.defer_loading"
"""What a protocol with such tools lists."""


def deferred(tool: AnyTool) -> bool:
    """Whether it is loaded later."""
    return isinstance(tool, Tool) and tool.defer_loading is True


def with_loaded(request: ChatRequest) -> ChatRequest:
    """`request`, whose tools are all there at once, those to be loaded later last; the same object if none is."""
    if not any(map(deferred, request.tools)):
        return request
    before = [tool for tool in request.tools if not deferred(tool)]
    later = [replace(tool, defer_loading=None) for tool in request.tools if isinstance(tool, Tool) and deferred(tool)]
    return replace(request, tools=(*before, *later))
