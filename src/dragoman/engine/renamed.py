"""Tools under the names that a service takes, and its answer under those that the caller gave. Knows no protocol."""

from dragoman.engine.answer import Answer, Around
from dragoman.protocols.base import ClientCodec
from dragoman.protocols.tools.names import ToolNames, tool_names
from dragoman.protocols.tools.search import RESULTS, found_in_words
from dragoman.types import ChatRequest, ModelProfile, StreamEvent

TOOLS, GROUPS = "tools", "tool.namespace"
"""What a protocol with tools lists, and what one with groups of them does."""


def with_sent_tools(
    request: ChatRequest, codec: ClientCodec, profile: ModelProfile
) -> tuple[ChatRequest, ToolNames | None]:
    """`request` with its tools as a model of `profile` at the service of `codec` gets them, and the names that are
    others than the caller's."""
    names = names_for(request, codec, profile)
    if names is not None:
        request = names.renamed(request)
    return request if RESULTS in codec.expressed(profile) else found_in_words(request), names


def names_for(request: ChatRequest, codec: ClientCodec, profile: ModelProfile) -> ToolNames | None:
    """The names in `request` that the service of `codec` does not take; None if it takes all, or has no tools."""
    if TOOLS not in codec.expresses:
        return None
    return tool_names(request, codec.tool_names, grouped=GROUPS in codec.expressed(profile))


class Renamed(Around):
    """An answer to a request whose tools have other names."""

    def __init__(self, answer: Answer, names: ToolNames) -> None:
        super().__init__(answer)
        self._names = names

    def _seen(self, events: list[StreamEvent]) -> list[StreamEvent]:
        return self._names.restored(events)
