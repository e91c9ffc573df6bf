"""Where an answer comes from: `groundingMetadata` and `citationMetadata` to citations, and back.

Both stand beside the text, and count its bytes in UTF-8. Ours count characters.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from dragoman.protocols.extra import without_none
from dragoman.protocols.gemini.extra import to_extra
from dragoman.types import Citation

GROUNDING, CITATIONS = "groundingMetadata", "citationMetadata"

KINDS: dict[str, str] = {"web": "url", "retrievedContext": "file", "maps": "place"}


def decode_citations(candidate: Mapping[str, Any], text: str) -> tuple[Citation, ...]:
    """The sources of `text`, as far as a candidate's fields name them. What is odd is passed over."""
    data = text.encode("utf-8", "replace")
    return (*_grounded(candidate.get(GROUNDING), text, data), *_cited(candidate.get(CITATIONS), data))


Cited = tuple[int, str, tuple[Citation, ...]]
"""A text that has sources: its number among the parts of the answer, the text so far, and the sources."""


def encode_citations(cited: Iterable[Cited]) -> dict[str, Any]:
    """The block of a candidate; empty if there are no citations."""
    chunks: list[dict[str, Any]] = []
    supports: list[dict[str, Any]] = []
    for index, text, citations in cited:
        for citation in citations:
            chunks.append(_chunk(citation))
            if citation.text_range is not None:
                begin, end = citation.text_range
                segment = without_none(
                    {
                        "partIndex": index or None,
                        "startIndex": len(text[:begin].encode()) or None,
                        "endIndex": len(text[:end].encode()),
                        "text": text[begin:end],
                    }
                )
                supports.append({"segment": segment, "groundingChunkIndices": [len(chunks) - 1]})
    return {"groundingChunks": chunks} | ({"groundingSupports": supports} if supports else {}) if chunks else {}


def _grounded(block: object, text: str, data: bytes) -> Iterator[Citation]:
    if not isinstance(block, dict):
        return
    sources = [_source(chunk) for chunk in _dicts(block.get("groundingChunks"))]
    used: set[int] = set()
    for support in _dicts(block.get("groundingSupports")):
        segment, indices = support.get("segment"), support.get("groundingChunkIndices")
        place = _segment(segment, text, data) if isinstance(segment, dict) else None
        for index in indices if isinstance(indices, list) else []:
            if isinstance(index, int) and 0 <= index < len(sources) and (source := sources[index]) is not None:
                used.add(index)
                yield Citation(**source, text_range=place)
    yield from (Citation(**source) for i, source in enumerate(sources) if source is not None and i not in used)


def _cited(block: object, data: bytes) -> Iterator[Citation]:
    if not isinstance(block, dict):
        return
    for source in _dicts(block.get("citationSources") or block.get("citations")):
        rest = {name: value for name, value in source.items() if name in {"license", "publicationDate"}}
        yield Citation(
            kind="url",
            url=_text(source.get("uri")),
            title=_text(source.get("title")),
            text_range=_range(source.get("startIndex"), source.get("endIndex"), data),
            extra=to_extra(rest),
        )


def _source(chunk: Mapping[str, Any]) -> dict[str, Any] | None:
    for name, kind in KINDS.items():
        body = chunk.get(name)
        if isinstance(body, dict):
            url, title, quote = _text(body.get("uri")), _text(body.get("title")), _text(body.get("text"))
            return {"kind": kind, "url": url, "title": title, "quote": quote}
    return None


def _segment(segment: Mapping[str, Any], text: str, data: bytes) -> tuple[int, int] | None:
    """The characters of a segment. Its own words decide: in a stream its numbers may be those of another part."""
    found = _range(segment.get("startIndex"), segment.get("endIndex"), data)
    words = segment.get("text")
    if not isinstance(words, str) or not words or (found is not None and text[found[0] : found[1]] == words):
        return found
    at = text.find(words)
    return None if at < 0 else (at, at + len(words))


def _range(begin: object, end: object, data: bytes) -> tuple[int, int] | None:
    begin = 0 if begin is None else begin
    if not (isinstance(begin, int) and isinstance(end, int) and 0 <= begin <= end <= len(data)):
        return None
    first = len(data[:begin].decode("utf-8", "ignore"))
    return first, first + len(data[begin:end].decode("utf-8", "ignore"))


def _chunk(citation: Citation) -> dict[str, Any]:
    said = {"uri": citation.url, "title": citation.title}
    match citation.kind:
        case "url":
            return {"web": without_none(said)}
        case "place":
            return {"maps": without_none(said | {"text": citation.quote})}
        case _:
            return {"retrievedContext": without_none(said | {"text": citation.quote})}


def _dicts(value: object) -> list[dict[str, Any]]:
    return [each for each in value if isinstance(each, dict)] if isinstance(value, list) else []


def _text(value: object) -> str | None:
    return value if isinstance(value, str) and value else None
