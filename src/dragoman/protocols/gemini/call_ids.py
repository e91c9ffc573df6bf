"""Ids of calls, which this protocol may leave out: then a result is found by the call's name, and by its order."""

from collections.abc import Sequence

from msgspec import Struct

from dragoman.errors import cut
from dragoman.protocols.gemini.parts import made_up
from dragoman.protocols.json_fields import refused


class _Pending(Struct):
    id: str
    name: str
    known: bool
    answered: bool = False


class CallIds:
    """Gives out the ids of one conversation. `open_ended`: it may have begun before the first message that is here."""

    def __init__(self, *, open_ended: bool = False) -> None:
        self._turn = 0
        self._number = 0
        self._hosted = 0
        self._last_hosted: list[str] = []
        self._calls: list[_Pending] = []
        self._open_ended = open_ended

    def turn(self, number: int) -> None:
        """The message `number` begins."""
        self._turn, self._number, self._hosted = number, 0, 0

    def call(self, known: str | None, name: str) -> str:
        call = known or made_up(self._turn, self._number)
        self._number += 1
        self._calls.append(_Pending(call, name, known is not None))
        return call

    def result(self, known: str | None, name: str, path: str) -> str:
        waiting = [call for call in self._calls if not call.answered]
        found = next((call for call in waiting if call.known and call.id == known), None)
        found = found or next((call for call in waiting if call.name == name and not (known and call.known)), None)
        if found is None and known and (found := _again(self._calls, known)) is None and self._open_ended:
            return known
        if found is None and self._open_ended:
            return made_up(self._turn, len(self._calls))
        if found is None:
            raise refused(path, f"expected a result of a call before it, got one of {cut(known or name, 40)!r}")
        found.answered = True
        return found.id

    def hosted(self, known: str | None, *, result: bool) -> str:
        if result:
            return known or (self._last_hosted.pop(0) if self._last_hosted else f"hosted_{self._turn}_{self._hosted}")
        call = known or f"hosted_{self._turn}_{self._hosted}"
        self._hosted += 1
        if known is None:
            self._last_hosted.append(call)
        return call


def _again(calls: Sequence[_Pending], known: str) -> _Pending | None:
    """The call that is answered once more: a long one may give several results."""
    return next((call for call in calls if call.known and call.id == known), None)
