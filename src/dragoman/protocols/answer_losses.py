"""What a front's protocol cannot say of an answer: the other loss manifest. Knows no protocol by name.

Losses of a request are its fields and the places of its parts; those of an answer begin with `answer.`, for both are
told in one list.
"""

from collections.abc import Iterable, Iterator, Sequence

from dragoman.protocols.losses import NOTHING, PARTS
from dragoman.types import (
    Extra,
    PartDelta,
    PartEnd,
    PartStart,
    Reasoning,
    ResponseEnd,
    ResponseStart,
    StreamEvent,
    Unknown,
)

USUAL = "stop"
"""The finish reason that nobody misses: the answer is simply there."""

OURS = "dragoman"
"""Under which `extra` holds what we ourselves add, for the library alone."""


class Unsaid:
    """Collects, over an answer, what a protocol called `own` that `expresses` so much leaves out."""

    def __init__(self, expresses: frozenset[str], own: str) -> None:
        self._expresses = expresses
        self._own = own
        self._names: dict[str, None] = {}

    @property
    def names(self) -> tuple[str, ...]:
        """The losses so far, each once."""
        return tuple(self._names)

    def read(self, events: Iterable[StreamEvent]) -> None:
        """More of the answer."""
        for event in events:
            if type(event) is PartDelta:  # nearly all are
                continue
            match event:
                case PartStart(part):
                    kind = PARTS[type(part)]
                    own = f"unknown.{part.protocol}" if isinstance(part, Unknown) else kind
                    if kind not in self._expresses and own not in self._expresses:
                        self._lose(kind)
                    else:
                        self._lose(*self._others(part.extra))
                    if isinstance(part, Reasoning) and part.signature:
                        self._need("reasoning.signature")
                case PartEnd(signature) if signature:
                    self._need("reasoning.signature")
                case ResponseStart():
                    self._lose(*self._others(event.extra))
                case ResponseEnd():
                    self._end(event)
                case _:
                    pass

    def _end(self, end: ResponseEnd) -> None:
        if end.usage is not None:
            self._need("usage")
        if end.finish_reason != USUAL:
            self._need("finish_reason")
        if end.stop_sequence is not None:
            self._need("stop_sequence")
        self._lose(*self._others(end.extra))

    def _need(self, name: str) -> None:
        if name not in self._expresses:
            self._lose(name)

    def _lose(self, *names: str) -> None:
        self._names |= dict.fromkeys(f"answer.{name}" for name in names)

    def _others(self, extra: Extra) -> Iterator[str]:
        """The fields of other protocols than ours, and than the library's."""
        for protocol, said in extra.items():
            if protocol not in {self._own, OURS}:
                yield from (name for name, value in said.items() if value not in NOTHING)


def unsaid(events: Sequence[StreamEvent], expresses: frozenset[str], own: str) -> tuple[str, ...]:
    """What is left out of a whole answer."""
    unsaid = Unsaid(expresses, own)
    unsaid.read(events)
    return unsaid.names
