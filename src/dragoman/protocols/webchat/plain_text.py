"""The text of a conversation and of an answer, for protocols that carry nothing else. Knows no service."""

from collections.abc import Sequence

from msgspec.structs import replace

from dragoman.errors import ContentFilterError, InvalidRequestError, UnsupportedFeatureError
from dragoman.types import (
    AnyPart,
    ChatResponse,
    Message,
    PartDelta,
    PartStart,
    Refusal,
    ResponseEnd,
    StreamEvent,
    Text,
    ToolCall,
    unfold,
)
from dragoman.wire.utf8 import well_formed

TEXTUAL = frozenset({"text", "refusal"})
"""The kinds of an answer's parts that are text."""


REFUSALS = frozenset({"refusal"})
"""What such a protocol has of a request beside its texts."""


def with_text(messages: tuple[Message, ...]) -> tuple[Message, ...]:
    """`messages` without those that have parts and no text, and with refusals as texts, which they are here.

    Raises InvalidRequestError if none is left.
    """
    left = tuple(worded(message) for message in messages if not message.parts or _has_text(message))
    if messages and not left:
        raise InvalidRequestError("expected a message with text: this protocol has nothing else")
    return left


def _has_text(message: Message) -> bool:
    return any(isinstance(part, Text | Refusal) for part in message.parts)


def worded(message: Message) -> Message:
    """`message` with its refusals as texts."""
    if not any(isinstance(part, Refusal) for part in message.parts):
        return message
    parts = (Text(text=part.text) if isinstance(part, Refusal) else part for part in message.parts)
    return replace(message, parts=tuple(parts))


class PlainTextReader:
    """The text of an answer as it comes, and whether a reader of the text alone knows the answer."""

    def __init__(self) -> None:
        self._part: AnyPart | None = None
        self._said = False
        self._unsaid: set[str] = set()

    def read(self, events: Sequence[StreamEvent]) -> str:
        """The text of a batch. Raises at the end of an answer that its text alone would misrepresent.

        That is one that asks for a tool or has parts without any text (UnsupportedFeatureError), or one that a filter
        stopped (ContentFilterError).
        """
        words: list[str] = []
        for event in events:
            match event:
                case PartStart(part):
                    self._part = part
                    if isinstance(part, Text | Refusal):
                        words.append(part.text)
                    else:
                        self._unsaid.add(type(part).__name__)
                case PartDelta(text):
                    if isinstance(self._part, Text | Refusal):
                        words.append(text)
                case ResponseEnd():
                    self._said = self._said or any(words)
                    self._check(event)
                case _:
                    pass
        text = well_formed("".join(words))
        self._said = self._said or bool(text)
        return text

    def _check(self, end: ResponseEnd) -> None:
        if ToolCall.__name__ in self._unsaid or end.finish_reason == "tool_call":
            raise UnsupportedFeatureError("the model asks for a tool, which this protocol cannot say", status=502)
        if end.finish_reason == "content_filter":
            raise ContentFilterError("the answer was stopped by a filter")
        unsaid = self._unsaid.union(*end.extra.values())
        if unsaid and not self._said:
            kinds = ", ".join(sorted(unsaid))
            raise UnsupportedFeatureError(
                f"the answer has no text, only what this protocol cannot say: {kinds}", status=502
            )


def words_of(response: ChatResponse) -> str:
    """The text of a whole answer. Raises as `PlainTextReader.read` does."""
    return PlainTextReader().read(unfold(response))
