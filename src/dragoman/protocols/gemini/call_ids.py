"""Ids of calls, which this protocol may leave out: then a result is found by the call's name, and by its order."""

from collections import deque

from msgspec import Struct

from dragoman.error_words import cut
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
        self._last_hosted: deque[str] = deque()
        self._calls = 0
        # A result belongs to the first call that has none. So each queue loses those that have one.
        self._by_id: dict[str, deque[_Pending]] = {}
        self._by_name: dict[str, deque[_Pending]] = {}
        self._without_id: dict[str, deque[_Pending]] = {}
        """Those of `_by_name` that came without an id."""
        self._open_ended = open_ended

    def turn(self, number: int) -> None:
        """The message `number` begins."""
        self._turn, self._number, self._hosted = number, 0, 0

    def call(self, known: str | None, name: str) -> str:
        call = _Pending(known or made_up(self._turn, self._number), name, known is not None)
        self._number += 1
        self._calls += 1
        self._by_name.setdefault(name, deque()).append(call)
        if call.known:
            self._by_id.setdefault(call.id, deque()).append(call)
        else:
            self._without_id.setdefault(name, deque()).append(call)
        return call.id

    def result(self, known: str | None, name: str, path: str) -> str:
        found = _first(self._by_id.get(known)) if known else None
        found = found or _first((self._without_id if known else self._by_name).get(name))
        if found is not None:
            found.answered = True
            return found.id
        if known and known in self._by_id:
            return known  # once more: a long call may give several results
        if not self._open_ended:
            raise refused(path, f"expected a result of a call before it, got one of {cut(known or name, 40)!r}")
        return known or made_up(self._turn, self._calls)

    def hosted(self, known: str | None, *, result: bool) -> str:
        if result:
            return known or (
                self._last_hosted.popleft() if self._last_hosted else f"hosted_{self._turn}_{self._hosted}"
            )
        call = known or f"hosted_{self._turn}_{self._hosted}"
        self._hosted += 1
        if known is None:
            self._last_hosted.append(call)
        return call


def _first(calls: deque[_Pending] | None) -> _Pending | None:
    """The first of `calls` that has no result; those before it are not looked at again."""
    while calls and calls[0].answered:
        calls.popleft()
    return calls[0] if calls else None
