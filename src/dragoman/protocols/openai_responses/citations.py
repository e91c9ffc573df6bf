"""Annotations of a text, read and written: where it comes from."""

from collections.abc import Sequence
from typing import Any

from dragoman.protocols.openai_responses.extra import NAME, to_extra, with_extra
from dragoman.types import Citation

URL, FILE = "url_citation", "file_citation"
PATH = "file_path"
IN_FILES = frozenset({FILE, PATH, "container_file_citation"})


def decode_annotations(values: object) -> tuple[Citation, ...]:
    """The citations that annotations are."""
    found = (decode_annotation(value) for value in (values if isinstance(values, list | tuple) else ()))
    return tuple(value for value in found if value is not None)


def decode_annotation(value: object) -> Citation | None:
    """The citation that an annotation is; one of another form is all in `extra`. None if it is no object."""
    if not isinstance(value, dict):
        return None
    rest: dict[str, Any] = dict(value)
    kind, url, file = rest.pop("type", None), rest.get("url"), rest.get("file_id")
    title = rest.get("title" if kind == URL else "filename")
    if not (title is None or isinstance(title, str)):
        return Citation(kind="place", extra=to_extra(value))
    if kind == URL and isinstance(url, str):
        del rest["url"]
        rest.pop("title", None)
        place = _range(rest)
        return Citation(kind="url", url=url, title=title, text_range=place, extra=to_extra(_known(rest)))
    if isinstance(kind, str) and kind in IN_FILES and isinstance(file, str):
        del rest["file_id"]
        rest.pop("filename", None)
        place = _range(rest)
        more = _known(rest) | ({} if kind == FILE else {"type": kind})
        return Citation(kind="file", source=file, title=title, text_range=place, extra=to_extra(more))
    return Citation(kind="place", extra=to_extra(value))


def encode_annotation(citation: Citation, length: int) -> dict[str, Any]:
    """The annotation that says most of `citation`, about a text of `length` characters."""
    if citation.kind == "place" and "type" in citation.extra.get(NAME, {}):
        return dict(citation.extra[NAME])
    start, end = (0, length) if citation.text_range is None else citation.text_range
    if citation.url is not None:
        said = {"type": URL, "start_index": start, "end_index": end, "url": citation.url, "title": citation.title or ""}
    else:
        said = {"type": FILE, "file_id": str(citation.source or "")}
        if citation.title is not None or citation.extra.get(NAME, {}).get("type") != PATH:
            said["filename"] = citation.title or ""
        if citation.text_range is not None:
            said |= {"start_index": start, "end_index": end}
        if citation.extra.get(NAME, {}).get("type", FILE) == FILE:
            # Callers' types require an index: the place of the citation in the text.
            said["index"] = end
    return with_extra(said, citation.extra)


def encode_annotations(citations: Sequence[Citation], length: int) -> list[dict[str, Any]]:
    """The same for all citations of a text."""
    return [encode_annotation(citation, length) for citation in citations]


def _range(rest: dict[str, Any]) -> tuple[int, int] | None:
    match rest:
        case {"start_index": int(start), "end_index": int(end)}:
            del rest["start_index"], rest["end_index"]
            return start, end
        case _:
            return None


def _known(rest: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in rest.items() if value is not None}
