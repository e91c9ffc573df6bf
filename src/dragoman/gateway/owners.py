"""Which service keeps an answer whose id is its own. Knows no path and no protocol.

An id is noted when its answer passes, for the key that was shown: with another key, nobody is known to have it.
"""

import re
from collections.abc import Callable

from dragoman.engine.answer import Answer, Around, Handler
from dragoman.store import Store
from dragoman.types import ChatRequest, ResponseStart, StreamEvent

SAFE = re.compile(r"(?!.*\.\.)(?!\.\Z)[!-~]{1,1024}", re.ASCII)
"""An id that can be a part of a path, once it is written as one. OpenAI's have 53 characters; other gateways wrap those
of their services in base64, with slashes, and some twice: 205 and 730 characters (BerriAI/litellm#32031)."""

PLACE = "answers of services"
"""What follows an owner's name in the store: no caller can name an owner, so that no id of a caller's meets these."""


class Owners:
    """Targets (`provider/model`) by owner and id, in a store. `age`: seconds for which each is noted."""

    def __init__(self, store: Store, age: float, clock: Callable[[], float]) -> None:
        self._store = store
        self._age = age
        self._clock = clock

    def find(self, owner: str, answer_id: str) -> str:
        """The target that gave the answer; empty if that is not known, or no longer."""
        value = self._store.get(f"{owner} {PLACE}", answer_id, self._clock())
        return "" if value is None else value.decode()

    def note(self, owner: str, answer_id: str, target: str) -> None:
        """Notes that `target` gave the answer; an id that cannot be asked for is passed over."""
        if SAFE.fullmatch(answer_id):
            now = self._clock()
            self._store.put(f"{owner} {PLACE}", answer_id, target.encode(), now=now, expires=now + self._age)

    def forget(self, owner: str, answer_id: str) -> bool:
        """Whether it was known which target gave the answer, which now is gone."""
        return self._store.delete(f"{owner} {PLACE}", answer_id)

    def noting(self, handler: Handler, owner: str) -> Handler:
        """`handler`, whose answers keep the service's ids, which are noted."""

        async def opened(request: ChatRequest) -> Answer:
            return _Noting(await handler(request), self, owner)

        return opened


class _Noting(Around):
    """An answer whose id is noted as it begins."""

    def __init__(self, answer: Answer, owners: Owners, owner: str) -> None:
        super().__init__(answer)
        self._owners = owners
        self._owner = owner

    def _seen(self, events: list[StreamEvent]) -> list[StreamEvent]:
        if events and isinstance(start := events[0], ResponseStart) and start.id:
            self._owners.note(self._owner, start.id, self.target)
        return events
