"""Which parts of a conversation can be told to a service of this protocol, and by which ids."""

from collections.abc import Iterator

from msgspec import Struct

from dragoman.protocols import opaque
from dragoman.protocols.openai_responses.content import is_content
from dragoman.protocols.openai_responses.extra import ITEM, NAME
from dragoman.protocols.openai_responses.item_ids import IS_MADE, OWN_IDS
from dragoman.types import AnyPart, HostedCall, Image, Message, OpaqueState, Reasoning, ToolCall, ToolResult, Unknown


class Sayable(Struct, frozen=True):
    """What a service of this protocol can be told of earlier answers."""

    origin: str | None
    """Whose opaque state it can read."""
    plain_reasoning: bool = False
    """Whether it takes reasoning back without state."""
    own_ids: bool = False
    """Whether it refuses ids in another form than its own."""

    def left_out(self, message: Message) -> Iterator[int]:
        """The numbers of the parts that it cannot be told."""
        if message.role != "assistant":
            yield from (i for i, part in enumerate(message.parts) if isinstance(part, Reasoning | HostedCall))
            return
        groups = {part.item or i: part for i, part in enumerate(message.parts) if isinstance(part, Reasoning)}
        refused = {
            part.item or i: True
            for i, part in enumerate(message.parts)
            if isinstance(part, Reasoning) and part.opaque is not None and not self._reads(part.opaque)
        }
        proved = {part.item or i for i, part in enumerate(message.parts) if part.opaque is not None}
        for i, part in enumerate(message.parts):
            match part:
                case Reasoning(item=item):
                    key = item or i
                    known = key in proved or self.id_of(item) is not None or (self.plain_reasoning and bool(part.text))
                    if key in refused or not (key in groups and known):
                        yield i
                case HostedCall() | Image() if ITEM not in part.extra.get(NAME, {}):
                    yield i
                case _ if not _is_said(part):
                    yield i

    def id_of(self, item: str | None) -> str | None:
        """The id of an item, if the service knows it."""
        if item is None or IS_MADE.match(item) or (self.own_ids and not OWN_IDS.match(item)):
            return None
        return item

    def _reads(self, state: OpaqueState) -> bool:
        return opaque.is_own(state, NAME, self.origin)


def _is_said(part: AnyPart) -> bool:
    if isinstance(part, Unknown):
        return part.protocol == NAME
    return is_content(part) or isinstance(part, Reasoning | ToolCall | HostedCall | Image | ToolResult)
