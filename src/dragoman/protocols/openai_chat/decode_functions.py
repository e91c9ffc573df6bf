"""The answer of a service without freeform tools to a request that has some: their calls come as those of functions."""

from collections.abc import Iterable

from dragoman.protocols.openai_chat.decode_stream import ReplyDecoder
from dragoman.protocols.tools.freeform import CallUnwrapper
from dragoman.types import ChatRequest, StreamEvent


class FunctionReplyDecoder(ReplyDecoder):
    """The same events, in which these calls have a text again."""

    def __init__(self, names: frozenset[str], origin: str | None = None, request: ChatRequest | None = None) -> None:
        """`names`: those of the freeform tools. For the others, see ReplyDecoder."""
        super().__init__(origin, request)
        self._unwrapper = CallUnwrapper(names)

    def feed_pieces(self, pieces: Iterable[bytes]) -> list[StreamEvent]:
        return self._unwrapper.unwrapped(super().feed_pieces(pieces))

    def finish(self) -> list[StreamEvent]:
        return self._unwrapper.unwrapped(super().finish())

    def salvage(self) -> list[StreamEvent]:
        return self._unwrapper.unwrapped(super().salvage())
