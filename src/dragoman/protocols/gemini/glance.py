"""The usual events of a stream, read in the fast way: pieces of text, thoughts, and a reason to stop."""

import msgspec
from msgspec import Raw, Struct, field

from dragoman.protocols.gemini.chunk import decode_text_chunk
from dragoman.protocols.gemini.finish_reasons import NOT_SAID
from dragoman.protocols.gemini.usage import read_usage
from dragoman.types import Usage
from dragoman.types.usage import merged
from dragoman.wire.json import NOT_STRICT
from dragoman.wire.lines import CR, LF

BEGIN = b"data: "
REASON = b'"finishReason"'
NOTHING = Raw()
"""Stands for a field that is not there."""


class _Part(Struct, forbid_unknown_fields=True, rename="camel", gc=False):
    text: str
    thought: bool = False
    thought_signature: str | None = None

    @property
    def holds_content(self) -> bool:
        """Whether it makes a part of an answer."""
        return bool(self.text or self.thought_signature)


class _Content(Struct, gc=False):
    parts: list[_Part] = field(default_factory=list)


class _Candidate(Struct, rename="camel", gc=False):
    content: _Content | None = None
    index: int | None = None
    finish_reason: str | None = None


class _Chunk(Struct, rename="camel", gc=False):
    candidates: list[_Candidate]
    usage_metadata: Raw = NOTHING
    error: Raw = NOTHING
    prompt_feedback: Raw = NOTHING


_decode = msgspec.json.Decoder(_Chunk).decode


class Glance(Struct, gc=False):
    """What the events so far have said. An event of any other kind is not read: then an Observer takes over."""

    began: bool = False
    """A chunk has come."""
    committed: bool = False
    """Content has come."""
    text: bool = False
    """The last event held a piece of text and no reason to stop."""
    reason: str = ""
    """Why the model stopped, in the service's words; empty if it has not."""
    usage: Usage | None = None
    report: bytes = b""
    """The latest report of tokens that is not read yet."""

    def read(self, event: bytes) -> bool:
        """Whether `event` is of a usual kind, and so has been read."""
        data = event[len(BEGIN) :].rstrip(b"\r\n")
        if not event.startswith(BEGIN) or LF in data or CR in data:
            return False
        return (self.began and data.find(REASON) < 0 and self._text(data)) or self.read_reply(data)

    def read_reply(self, data: bytes) -> bool:
        """The same for the data of an event, or for a whole answer."""
        try:
            chunk = _decode(data)
        except NOT_STRICT:
            return False
        candidates = chunk.candidates
        if len(candidates) != 1 or chunk.error is not NOTHING or chunk.prompt_feedback is not NOTHING:
            return False
        candidate = candidates[0]
        if candidate.index:
            return False
        parts = () if candidate.content is None else candidate.content.parts
        reason = candidate.finish_reason
        stopped = reason is not None and reason not in NOT_SAID
        self.began = True
        self.committed = self.committed or any(part.holds_content for part in parts)
        self.text = not stopped and any(part.text for part in parts)
        if stopped:
            self.reason = reason or ""
        if report := bytes(chunk.usage_metadata):
            self.count_latest()
            self._count(report)
        return True

    def count_latest(self) -> None:
        """Reads the report that is not read yet."""
        report, self.report = self.report, b""
        if report:
            self._count(report)

    def _text(self, data: bytes) -> bool:
        """The same for an event without anything new but text, as the decoder knows it."""
        try:
            chunk = decode_text_chunk(data)
        except NOT_STRICT:
            return False
        if len(chunk.candidates) != 1 or chunk.candidates[0].index != 0:
            return False
        self.text = any(part.text for part in chunk.candidates[0].content.parts)
        self.committed = self.committed or self.text
        self.report = bytes(chunk.usage_metadata) or self.report
        return True

    def _count(self, report: bytes) -> None:
        self.usage = merged(self.usage, read_usage(report))
