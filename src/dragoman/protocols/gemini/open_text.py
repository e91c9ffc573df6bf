"""The text or thought of an answer that is open, and the sources of a text.

A text has its state and its sources at its end. Nothing goes on in a text that has its state, but its sources may
follow in a later chunk.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from dragoman.protocols.gemini.chunk import CANDIDATE
from dragoman.protocols.gemini.citations import CITATIONS, GROUNDING, decode_citations
from dragoman.types import (
    Citation,
    Extra,
    Metadata,
    OpaqueState,
    PartDelta,
    PartEnd,
    PartStart,
    Reasoning,
    StreamEvent,
    Text,
    TokenLogprob,
)
from dragoman.types.growing_text import GrowingText

TEXT = PartStart(Text(text=""))
THOUGHT = PartStart(Reasoning(text="", form="summary"))

BLOCKS = (f"{CANDIDATE}{GROUNDING}", f"{CANDIDATE}{CITATIONS}")
"""The fields that name the sources of a text."""


class OpenText:
    """`more`: the further fields of the answer so far, which have the sources."""

    def __init__(self, more: Mapping[str, Any]) -> None:
        self.kind: PartStart | None = None
        """TEXT or THOUGHT; None if nothing is open."""
        self.begun = False
        """Whether there was one."""
        self._more = more
        self._end: tuple[OpaqueState | None, Extra | None] | None = None
        """What the open text has at its end; None if more text may follow."""
        self._said = GrowingText()
        """What it has said so far."""
        self._sourced = False
        """Sources have come since a text had some."""
        self._told: set[tuple[str | None, ...]] = set()
        """The sources that were told."""

    @property
    def is_sealed(self) -> bool:
        """Whether only sources may follow."""
        return self._end is not None

    def speak(
        self, kind: PartStart, text: str, out: list[StreamEvent], logprobs: tuple[TokenLogprob, ...] | None = None
    ) -> None:
        """More text of this kind; what is open ends if it is of the other kind, or sealed."""
        if self.kind is not kind or self._end is not None:
            self.end(out)
            self.kind, self.begun = kind, True
            out.append(kind)
        if kind is TEXT:
            self._said.add(text)
        out.append(PartDelta(text, logprobs))

    def said(self, words: Iterable[str]) -> None:
        """These words of the open text have gone out."""
        if self.kind is TEXT:
            self._said.add("".join(words))

    def seal(self, opaque: OpaqueState | None, extra: Extra | None) -> None:
        """The open text is complete, and has this at its end."""
        self._end = opaque, extra

    def note(self, names: Iterable[str]) -> None:
        """Further fields with these names have come."""
        self._sourced = self._sourced or any(name in BLOCKS for name in names)

    def end(self, out: list[StreamEvent]) -> None:
        """Ends it. Its sources are known by now, if they came before the next part."""
        (opaque, extra), self._end = self._end or (None, None), None
        if self.kind is None:
            return
        if self.kind is TEXT:
            if self._sourced:
                self._cite(out)
            self._said = GrowingText()
        self.kind = None
        out.append(PartEnd(opaque, extra))

    def _cite(self, out: list[StreamEvent]) -> None:
        """Tells the sources. One that was told for an earlier text is left out, unless it has a place in this text."""
        self._sourced = False
        blocks = {name.removeprefix(CANDIDATE): self._more.get(name) for name in BLOCKS}
        found = decode_citations(blocks, str(self._said))
        new = [each for each in found if each.text_range is not None or _source(each) not in self._told]
        self._told.update(map(_source, found))
        if new:
            out.append(Metadata(tuple(new)))


def _source(citation: Citation) -> tuple[str | None, ...]:
    return citation.kind, citation.url, citation.title, citation.quote
