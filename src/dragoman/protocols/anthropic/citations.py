"""Citations: where a text comes from. Read and written.

https://platform.claude.com/docs/en/build-with-claude/citations
"""

from collections.abc import Mapping
from typing import Any, Literal, assert_never

from dragoman.protocols.anthropic.extra import NAME, to_extra
from dragoman.protocols.extra import without_none
from dragoman.types import Citation

Unit = Literal["char", "page", "block"]

DOCUMENTS: dict[str, tuple[Unit, str, str]] = {
    "char_location": ("char", "start_char_index", "end_char_index"),
    "page_location": ("page", "start_page_number", "end_page_number"),
    "content_block_location": ("block", "start_block_index", "end_block_index"),
}
"""A place in a document: what its numbers count, and the fields of the first and the last."""
WEB, FOUND = "web_search_result_location", "search_result_location"
WORDS = ("type", "cited_text", "document_title", "title", "url", "source")
"""The fields of a citation that are texts."""
NOWHERE = (0, 0)
"""The blocks of a search result that is cited, if they are not known."""
BY_UNIT = {unit: kind for kind, (unit, _, _) in DOCUMENTS.items()}


def decode_citation(value: Mapping[str, Any]) -> Citation:
    """A citation; one of an unknown form is kept as it came."""
    kind, quote = _text(value.get("type")), _text(value.get("cited_text"))
    if kind in DOCUMENTS:
        unit, first, last = DOCUMENTS[kind]
        number, begin, end = value.get("document_index"), value.get(first), value.get(last)
        if type(number) is int and type(begin) is int and type(end) is int:
            return Citation(
                kind="document",
                title=_text(value.get("document_title")),
                quote=quote,
                source=number,
                location=(unit, begin, end),
                extra=_rest(value, "document_title", "document_index", first, last),
            )
    if kind == WEB:
        return Citation(
            kind="url",
            url=_text(value.get("url")),
            title=_text(value.get("title")),
            quote=quote,
            extra=_rest(value, "url", "title"),
        )
    if kind == FOUND:
        begin, end = value.get("start_block_index"), value.get("end_block_index")
        if type(begin) is int and type(end) is int:
            placed = (begin, end) != NOWHERE
            known = ("title", "source", "start_block_index", "end_block_index")
            return Citation(
                kind="search_result",
                title=_text(value.get("title")),
                quote=quote,
                source=_text(value.get("source")) or None,
                location=("block", begin, end) if placed else None,
                extra=_rest(value, *known) if placed else _rest(value, *known, "search_result_index"),
            )
    return Citation(kind="document", quote=quote, extra=to_extra(value))


def encode_citation(citation: Citation) -> dict[str, Any]:
    """The citation, as far as it is known."""
    more = citation.extra.get(NAME, {})
    if "type" in more:
        return dict(more)
    quote = citation.quote or ""
    match citation.kind:
        case "url" | "place":
            # Callers' types require an index; only the service's own can be sent back to it.
            said: dict[str, Any] = {
                "cited_text": quote,
                "encrypted_index": "",
                "title": citation.title,
                "url": citation.url or "",
            }
            return {"type": WEB} | said | more
        case "document":
            unit, begin, end = citation.location or ("char", 0, 0)
            _, first, last = DOCUMENTS[BY_UNIT[unit]]
            said = {"document_index": citation.source, "document_title": citation.title, first: begin, last: end}
            return {"type": BY_UNIT[unit], "cited_text": quote} | said | more
        case "search_result" | "file":
            begin, end = NOWHERE if citation.location is None else citation.location[1:]
            # Callers' types require all numbers; an empty range, which no citation of the service has, means nothing.
            said = {
                "source": str(citation.source or citation.url or ""),
                "title": citation.title,
                "search_result_index": 0,
                "start_block_index": begin,
                "end_block_index": end,
            }
            return {"type": FOUND, "cited_text": quote} | said | more
        case _:
            assert_never(citation.kind)


def is_own(citation: Citation) -> bool:
    """Whether the service takes it back: it has all that the service requires."""
    more = citation.extra.get(NAME, {})
    if "type" in more:
        return True
    match citation.kind:
        case "document":
            return isinstance(citation.source, int) and citation.location is not None
        case "url":
            return bool(more.get("encrypted_index")) and citation.url is not None
        case "search_result":
            return "search_result_index" in more and citation.location is not None
        case _:
            return False


def _rest(value: Mapping[str, Any], *known: str) -> dict[str, dict[str, Any]]:
    return to_extra(without_none({name: value[name] for name in value if name not in {"type", "cited_text", *known}}))


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None
