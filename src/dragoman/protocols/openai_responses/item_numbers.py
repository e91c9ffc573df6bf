"""Which item of an answer an event is about: it says so by the item's place in the answer, by its id, or not at all.

The place decides, because some services give an item another id in each event. Some number all items 0: once a place is
given to a second item, the id decides, and without one the place means the item that got it last. The id decides also
if nothing came of the place yet.
"""

from collections import deque
from collections.abc import Mapping, Sequence
from typing import Any

Known = tuple[str | None, object]
"""Id and type of an item; None: not known."""


class ItemNumbers:
    """Gives each item a number of its own: its place, unless another item has it."""

    def __init__(self) -> None:
        self._ids: dict[str, int] = {}
        self._known: dict[int, Known] = {}
        """The items of which something came, in their order."""
        self._highest = -1
        self.moved: dict[int, int] = {}
        """The places that several items were given, to the number of the last of these."""

    def begin(self, place: int | None, item: Mapping[str, Any], *, done: bool) -> int:
        """The number of an item that begins. `done`: whether the one that its place means until now is complete."""
        said = _known(item)
        number = self._next() if place is None else self.moved.get(place, place)
        if place is not None and (done or number in self._known) and self._is_other(number, said, done=done):
            number = self.moved[place] = self._next()
        self._note(number)
        self._known[number] = said
        if said[0] is not None:
            self._ids[said[0]] = number
        return number

    def met(self, named: object, number: int) -> None:
        """Something of an item came, under this id."""
        self._note(number)
        said = _id(named)
        self._known.setdefault(number, (said, None))
        if said is not None:
            self._ids.setdefault(said, number)

    def find(self, place: int | None, named: object) -> int | None:
        """The number of the item that an event is about; None if it does not say."""
        if place is not None and place in self._known and place not in self.moved:
            return place
        said = _id(named)
        if said is not None and said in self._ids:
            return self._ids[said]
        return None if place is None else self.moved.get(place, place)

    def nameless(self, number: int) -> bool:
        """Whether an item that has begun has no id."""
        return number in self._known and self._known[number][0] is None

    def in_answer(self, output: Sequence[object]) -> list[int]:
        """The numbers of the items in the whole answer: each another one, unless pieces of several had one number.

        What came before is found by its id, in its place or elsewhere; else by its place, if it has the same type; else
        an item is the next one of its type, because ids that change do not tell. All others are new.
        """
        found: dict[int, int] = {}
        taken: set[int] = set()
        said = [_known(item) for item in output]

        def take(place: int, number: int) -> None:
            found[place] = number
            taken.add(number)

        for place, (named, kind) in enumerate(said):
            if named is None or named not in self._ids:
                continue
            number = place if not self.moved and self._known.get(place) == (named, kind) else self._ids[named]
            if (number not in taken or self._known[number][1] is None) and self._may_be(number, kind):
                take(place, number)
        if not self.moved:
            for place, (_, kind) in enumerate(said):
                if place not in found and place in self._known and place not in taken and self._may_be(place, kind):
                    take(place, place)
        left: dict[object, deque[int]] = {}
        for number, (_, kind) in self._known.items():
            if number not in taken and isinstance(kind, str):
                left.setdefault(kind, deque()).append(number)
        for place, (_, kind) in enumerate(said):
            if place not in found:
                same = left.get(kind) if isinstance(kind, str) else None
                take(place, same.popleft() if same else self._next())
        return [found[place] for place in range(len(said))]

    def _may_be(self, number: int, kind: object) -> bool:
        """Whether an item may have this type."""
        before = self._known[number][1]
        return before is None or kind is None or kind == before

    def _is_other(self, number: int, said: Known, *, done: bool) -> bool:
        """Whether an item that begins is another one than that which has the number."""
        named, kind = self._known.get(number, (None, None))
        if kind is not None and said[1] != kind:
            return True
        if named is not None and said[0] is not None:
            return named != said[0]
        return done

    def _note(self, number: int) -> None:
        self._highest = max(self._highest, number)

    def _next(self) -> int:
        self._highest += 1
        return self._highest


def _known(item: object) -> Known:
    return (_id(item.get("id")), item.get("type")) if isinstance(item, dict) else (None, None)


def _id(named: object) -> str | None:
    """An id; an empty one is none."""
    return named if isinstance(named, str) and named else None
