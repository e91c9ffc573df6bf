"""A tap whose events of text differ in more than the text: it knows them by a form (see `event_form`)."""

from dragoman.protocols.event_form import Form
from dragoman.protocols.lane import NOTHING, Shape, Taken
from dragoman.protocols.sse_tap import SseTap

TRIES = 16
"""Forms made in a row that no event fits, until none is made: the service writes each event in another way."""


class FormTap(SseTap):
    """The dialect says in `_known` which form the next events have, if that is known, and counts in `_tries`."""

    __slots__ = ("_known", "_tries")

    def __init__(self) -> None:
        super().__init__()
        self._known: Form | None = None
        """The form of the last event of text that was decoded."""
        self._tries = TRIES
        """Forms that may still be made before an event fits one."""

    def texts(self, data: bytes, at: int) -> Taken:
        return NOTHING if self._known is None else self._known.take(data, at)

    def passed(self, data: bytes) -> None:
        self._tries = TRIES

    def _usual_shape(self) -> Shape | None:
        return self._known

    def _is_usual(self, data: bytes) -> bool:
        if self._known is None or not self._known.holds(data):
            return False
        self._tries = TRIES
        return True

    def _usual(self, data: bytes, at: int) -> int:
        length = 0 if self._known is None else self._known.length(data, at)
        if length:
            self._tries = TRIES
        return length

    def _row(self, pieces: list[bytes], at: int) -> tuple[bytes, int]:
        row = (b"", 0) if self._known is None else self._known.pieces(pieces, at)
        if row[1] > 0:
            self._tries = TRIES
        return row
