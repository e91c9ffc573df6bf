"""The half of a dialect that reads a service's answer. Knows no vendor."""

from abc import ABC, abstractmethod
from collections.abc import Iterable

from dragoman.errors import BadEventError, DragomanError
from dragoman.protocols.streams.delta_row import deltas
from dragoman.protocols.streams.text_rows import RowReader
from dragoman.types import StreamEvent, Usage
from dragoman.wire.json import TOO_DEEP


class Decoder(ABC):
    """Events from a service's bytes.

    A valid beginning and a failure may come in one read. So no method raises: each returns the events that are valid,
    and sets `error` if no more will come.
    """

    error: DragomanError | None = None
    done: bool = False
    """True once the end mark was seen: what follows is not part of the answer."""
    in_rows: bool = False
    """Whether deltas that come together may be one DeltaRow. Set by its owner."""
    more_content: bool = False
    """True if the answer has ended and holds content that is not a part, such as a picture in a field of its own."""

    def feed(self, data: bytes) -> list[StreamEvent]:
        """The events that `data`, cut anywhere, completes. An empty piece marks the end of an HTTP chunk."""
        return self.feed_pieces((data,))

    def feed_pieces(self, pieces: Iterable[bytes]) -> list[StreamEvent]:
        """The same, one piece after another."""
        events: list[StreamEvent] = []
        if self.error is None:
            try:
                for piece in pieces:
                    self._read(piece, events)
            except DragomanError as exc:
                self.error = exc
            except RecursionError:
                self.error = BadEventError(TOO_DEEP)
        return events

    def say(self, words: list[str], event: bytes) -> list[StreamEvent]:
        """The events for texts that `open_rows` took, none of them empty; `event`: the last of those that hold them."""
        events: list[StreamEvent] = []
        self._row(words, event, events)
        return events

    def finish(self) -> list[StreamEvent]:
        """The body ended well. The last events; `error` is TruncatedStreamError if the end mark never came."""
        events: list[StreamEvent] = []
        if self.error is None:
            try:
                self._end(events)
            except DragomanError as exc:
                self.error = exc
            except RecursionError:
                self.error = BadEventError(TOO_DEEP)
        return events

    @property
    def ending(self) -> bool:
        """True once a reason to stop has come: only usage and the end mark may follow, and `salvage` needs neither."""
        return False

    @property
    def usage(self) -> Usage | None:
        """The tokens that have been reported so far, for an answer that is not read to its end."""
        return None

    @property
    def open_rows(self) -> RowReader | None:
        """What knows the texts of events alike to the last one; None if it was not a piece of text, or not whole."""
        return None

    def salvage(self) -> list[StreamEvent]:
        """The body broke off. The events that were held back; with `done`, the answer is complete all the same."""
        return []

    def _row(self, words: list[str], row: bytes, out: list[StreamEvent]) -> None:
        """Reads the texts of events that only say more of the open part. `row`: these events, or the last of them."""
        out += deltas(words, in_row=self.in_rows)

    @abstractmethod
    def _read(self, data: bytes, out: list[StreamEvent]) -> None: ...

    @abstractmethod
    def _end(self, out: list[StreamEvent]) -> None: ...
