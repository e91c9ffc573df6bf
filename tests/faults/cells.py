"""The matrix: the table of faults times dialects, uses and ways. What is no cell, and why. The sample."""

from collections.abc import Iterator

from msgspec import Struct

from tests.faults.dialects import DIALECTS
from tests.faults.fault import USES, Fate, Fault, Phase, Use
from tests.faults.faults import FAULTS

WITHOUT: dict[str, str] = {
    "HTTP/2, relayed": "our own transport offers HTTP/1.1 alone; what libcurl brings, which speaks both, is translated",
}
"""What the contract names and no row has, with the reason."""

OTHER = dict(zip(DIALECTS, (*DIALECTS[1:], DIALECTS[0]), strict=True))
"""The front whose requests to a service of this dialect are translated."""


class Cell(Struct, frozen=True):
    """One fault, and all that it depends on."""

    fault: Fault
    phase: Phase
    dialect: str
    """The service's."""
    use: Use
    fallback: bool
    """Whether there is another target, which is well."""
    relayed: bool
    """Whether the caller speaks the service's dialect. Then the answer is relayed, except over HTTP/2."""

    @property
    def front(self) -> str:
        """The caller's dialect."""
        return self.dialect if self.relayed else OTHER[self.dialect]

    @property
    def stream(self) -> bool:
        """Whether the caller wants a stream."""
        return self.use == "stream"

    @property
    def fate(self) -> Fate:
        """What must come of it at the target that has the fault."""
        return self.fault.fates_of(self.dialect, self.use, relayed=self.relayed)[self.phase]

    def __str__(self) -> str:
        targets = "two targets" if self.fallback else "one target"
        way = "relayed" if self.relayed else f"translated for {self.front}"
        return f"{self.fault.name}, {self.phase.value}, {self.dialect}, {self.use}, {targets}, {way}"


def _cells() -> Iterator[Cell]:
    for fault in FAULTS:
        for dialect in DIALECTS:
            if dialect not in fault.dialects:
                continue
            for use in USES:
                if use not in fault.uses:
                    continue
                for relayed in (True, False):
                    for phase in fault.fates_of(dialect, use, relayed=relayed):
                        for fallback in (False, True):
                            yield Cell(fault, phase, dialect, use, fallback, relayed)


CELLS: tuple[Cell, ...] = tuple(_cells())
SAMPLE = 200
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
)
"""Cells that found a mistake once: they are in each sample."""
