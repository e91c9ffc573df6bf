"""The text of a conversation and of an answer, for protocols that carry nothing else. Knows no service."""

from collections.abc import Sequence

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


def with_text(messages: tuple[Message, ...]) -> tuple[Message, ...]:
    """`messages` without those that have parts and no text. Raises InvalidRequestError if none is left."""
    left = tuple(message for message in messages if not message.parts or _has_text(message))
    if messages and not left:
        raise InvalidRequestError("expected a message with text: this protocol has nothing else")
    return left


def _has_text(message: Message) -> bool:
    return any(isinstance(part, Text) for part in message.parts)


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
