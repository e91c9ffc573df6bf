"""The matrix: the table of faults times dialects, uses and ways. What is no cell, and why. The sample."""

from collections.abc import Iterator
from itertools import count, product
from typing import Literal

from msgspec import Struct
from msgspec.structs import replace

from tests.faults.dialects import DIALECTS
from tests.faults.fault import USES, Fate, Fault, Phase, Use
from tests.faults.faults import FAULTS
from tests.faults.tls import SPEECHES

WITHOUT: dict[str, str] = {
    "HTTP/2, relayed": "our own transport offers HTTP/1.1 alone; what libcurl brings, which speaks both, is translated",
}
"""What the contract names and no row has, with the reason."""

OTHER = dict(zip(DIALECTS, (*DIALECTS[1:], DIALECTS[0]), strict=True))
"""The front whose requests to a service of this dialect are translated."""


Road = Literal["relayed", "translated", "library"]
ROADS: tuple[Road, ...] = ("relayed", "translated", "library")
"""How the answer reaches its caller: as bytes, over HTTP/2 as events; as those of another dialect; as values."""
LOOPS = ("asyncio", "uvloop")
"""Whose event loop it is: each has a TLS of its own."""


class Cell(Struct, frozen=True):
    """One fault, and all that it depends on."""

    fault: Fault
    phase: Phase
    dialect: str
    """The service's."""
    use: Use
    fallback: bool
    """Whether there is another target, which is well."""
    road: Road
    over: str = ""
    """How the service speaks TLS, a name of SPEECHES; empty: as its row says, or not at all."""
    loop: str = "asyncio"

    @property
    def front(self) -> str:
        """The caller's dialect; empty: it calls the library."""
        return {"relayed": self.dialect, "translated": OTHER[self.dialect], "library": ""}[self.road]

    @property
    def stream(self) -> bool:
        """Whether the caller wants a stream."""
        return self.use == "stream"

    @property
    def fate(self) -> Fate:
        """What must come of it at the target that has the fault."""
        return self.fault.fates_of(self.dialect, self.use, relayed=self.road == "relayed")[self.phase]

    def __str__(self) -> str:
        targets = "two targets" if self.fallback else "one target"
        way = f"translated for {self.front}" if self.road == "translated" else self.road
        over = f", over {self.over}, in {self.loop}" if self.over else ""
        return f"{self.fault.name}, {self.phase.value}, {self.dialect}, {self.use}, {targets}, {way}{over}"


def _cells() -> Iterator[Cell]:
    for fault in FAULTS:
        turns = {phase: count() for phase in Phase}
        for dialect, use, road in product(DIALECTS, USES, ROADS):
            if dialect not in fault.dialects or use not in fault.uses:
                continue
            for phase in fault.fates_of(dialect, use, relayed=road == "relayed"):
                for fallback in (False, True):
                    cell = Cell(fault, phase, dialect, use, fallback, road)
                    if not fault.is_secured:
                        yield cell
                    if fault.is_secured or fault.can_be_secured(phase):
                        yield _over_tls(cell, next(turns[phase]))


def _over_tls(cell: Cell, turn: int) -> Cell:
    """The same over TLS: each fault meets all ways to speak it, in both loops, over its dialects and roads."""
    return replace(cell, over=tuple(SPEECHES)[turn % len(SPEECHES)], loop=LOOPS[turn % len(LOOPS)])


CELLS: tuple[Cell, ...] = tuple(_cells())
SAMPLE = 300
"""Cells of a run that does not ask for all, beside those of FOUND."""

FOUND = (
    "FIN, wait-first-event, openai-responses, stream, two targets, relayed",
    "binary garbage, mid-stream, openai-chat, stream, one target, relayed",
    "binary garbage, wait-first-event, gemini, stream, two targets, relayed",
    "HTML in mid-stream, mid-stream, openai-responses, stream, one target, relayed",
    "HTML in mid-stream, tail, gemini, stream, two targets, relayed",
    "empty text, wait-first-event, openai-responses, stream, two targets, relayed",
    "empty text, wait-first-event, openai-responses, whole, two targets, translated for anthropic",
    "FIN after the answer, in HTTP/2, idle-in-pool, openai-chat, whole, one target, relayed",
    "GOAWAY: not processed, in HTTP/2, wait-headers, openai-chat, stream, two targets, relayed",
    "FIN through a SOCKS proxy, end, openai-responses, stream, one target, library, over TLS that ends with a failure, "
    "in asyncio",
    "garbage in place of a head, wait-headers, openai-responses, whole, one target, relayed, over TLS that ends with a "
    "bad record, in asyncio",
    "an error in the stream, then FIN, mid-stream, gemini, stream, one target, relayed, over TLS that ends with a bad "
    "record, in asyncio",
)
"""Cells that found a mistake once: they are in each sample."""
