"""Which item of an answer an event is about: it says so by the item's place in the answer, by its id, or not at all.

The place decides, because some services give an item another id in each event. Some number all items 0: once a place is
given to a second item, the id decides, and without one the place means the item that got it last.
"""

from collections.abc import Mapping
from typing import Any


class ItemNumbers:
    """Gives each item a number of its own: its place, unless another item has it."""

    def __init__(self) -> None:
        self._ids: dict[str, int] = {}
        self._kinds: dict[int, tuple[object, object]] = {}
        """Id and type of each item that has begun, in their order."""
        self.moved: dict[int, int] = {}
        """The places that several items were given, to the number of the last of these."""

    def begin(self, place: int | None, item: Mapping[str, Any], *, done: bool) -> int:
        """The number of an item that begins. `done`: whether the one that its place means until now is complete."""
        named, kind = item.get("id"), item.get("type")
        number = self._next() if place is None else self.moved.get(place, place)
        if number in self._kinds and place is not None and self._is_other(number, named, kind, done=done):
            number = self.moved[place] = self._next()
        self._kinds[number] = named, kind
        if isinstance(named, str):
            self._ids[named] = number
        return number

    def met(self, named: object, number: int) -> None:
        """Something of an item came, under this id."""
        if isinstance(named, str):
            self._ids.setdefault(named, number)

    def find(self, place: int | None, named: object) -> int | None:
        """The number of the item that an event is about; None if it does not say."""
        if place is not None and place not in self.moved:
            return place
        if isinstance(named, str) and named in self._ids:
            return self._ids[named]
        return None if place is None else self.moved[place]

    def nameless(self, number: int) -> bool:
        """Whether an item that has begun has no id."""
        return number in self._kinds and not isinstance(self._kinds[number][0], str)

    def in_answer(self, place: int, item: object) -> int:
        """The number of an item in the whole answer; one of its own if it has not begun."""
        named = item.get("id") if isinstance(item, dict) else None
        begun = self._kinds.get(place)
        if not self.moved and begun is not None and begun[0] == named:
            return place
        if isinstance(named, str) and named in self._ids:
            return self._ids[named]
        if self.moved:
            numbers = list(self._kinds)
            place = numbers[place] if place < len(numbers) else self._next()
        kind = item.get("type") if isinstance(item, dict) else None
        if self._kinds.setdefault(place, (named, kind))[1] != kind:
            place = self._next()
            self._kinds[place] = named, kind
        return place

    def _is_other(self, number: int, named: object, kind: object, *, done: bool) -> bool:
        before = self._kinds[number]
        if isinstance(named, str) and isinstance(before[0], str):
            return named != before[0]
        return done or kind != before[1]

    def _next(self) -> int:
        return max([*self._kinds, *self._ids.values(), -1]) + 1
