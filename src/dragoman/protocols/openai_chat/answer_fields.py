"""Fields of a completion's message that have canonical values: sources, pictures, sound, log probabilities.

Read and written. Sources are OpenAI's `annotations`, pictures OpenRouter's `images`, sound is OpenAI's `audio`.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from msgspec.structs import replace

from dragoman.protocols.media import data_url, joined_base64, media_type_of, read_data_url
from dragoman.protocols.openai_chat.chunk import Logprob, TopLogprob
from dragoman.protocols.openai_chat.extra import to_extra
from dragoman.protocols.openai_chat.more import MESSAGE
from dragoman.types import Audio, Citation, Image, Text, TokenLogprob

ANNOTATIONS, IMAGES, AUDIO = "annotations", "images", "audio"
URL = "url_citation"


def take_citations(more: dict[str, Any], before: int) -> tuple[Citation, ...]:
    """Takes the sources out of `more`, the fields of an answer; in a form that is not known they stay.

    `before`: characters of the answer's text before the part that they are of. It has no place of a source before it.
    """
    citations = _all(more.get(f"{MESSAGE}{ANNOTATIONS}"), _citation)
    if not citations:
        return ()
    del more[f"{MESSAGE}{ANNOTATIONS}"]
    return tuple(_shifted(citation, before) for citation in citations)


def take_media(more: dict[str, Any]) -> tuple[Image | Audio, ...]:
    """The same for pictures and sound."""
    found: list[Image | Audio] = _all(more.get(f"{MESSAGE}{IMAGES}"), _image) or []
    if found:
        del more[f"{MESSAGE}{IMAGES}"]
    if (audio := _audio(more.get(f"{MESSAGE}{AUDIO}"))) is not None:
        del more[f"{MESSAGE}{AUDIO}"]
        found.append(audio)
    return tuple(found)


def _shifted(citation: Citation, before: int) -> Citation:
    if citation.text_range is None or before == 0:
        return citation
    begin, end = citation.text_range
    return replace(citation, text_range=(begin - before, end - before) if begin >= before else None)


def _all(values: object, read: Any) -> list[Any] | None:
    """All of a list read; None if one of them cannot be."""
    if not isinstance(values, list):
        return None
    found = [read(value) for value in values]
    return None if None in found else found


def _citation(value: object) -> Citation | None:
    match value:
        case {"type": "url_citation", "url_citation": {"url": str(url), **inner}, **outer}:
            title, begin, end = inner.pop("title", None), inner.pop("start_index", None), inner.pop("end_index", None)
            where = (begin, end) if type(begin) is int and type(end) is int else None
            outer.pop("index", None)
            rest = dict(outer) | ({URL: inner} if inner else {})
            return Citation(
                kind="url",
                url=url,
                title=title if isinstance(title, str) else None,
                text_range=where,
                extra=to_extra({str(name): value for name, value in rest.items()}),
            )
        case _:
            return None


def _image(value: object) -> Image | None:
    match value:
        case {"type": "image_url", "image_url": {"url": str(url)}}:
            inline = read_data_url(url)
            return Image(url=url) if inline is None else Image(data=inline[1], media_type=inline[0])
        case _:
            return None


def _audio(value: object) -> Audio | None:
    match value:
        case {"data": str(data), **rest} if data:
            transcript = rest.pop("transcript", None)
            more: dict[str, Any] = {str(name): value for name, value in rest.items()}
            return Audio(
                data=data, transcript=transcript if isinstance(transcript, str) else None, extra=to_extra(more)
            )
        case _:
            return None


def encode_citations(texts: Sequence[Text]) -> list[dict[str, Any]]:
    """The sources of the texts, which are joined to one: only those with a URL have a form here."""
    found: list[dict[str, Any]] = []
    offset = 0
    for text in texts:
        found += [
            encode_citation(citation, offset, len(text.text)) for citation in text.citations if citation.kind == "url"
        ]
        offset += len(text.text)
    return found


def encode_citation(citation: Citation, offset: int, length: int) -> dict[str, Any]:
    """A source of a text with `length` characters, which begins at `offset` of the answer's whole text."""
    begin, end = citation.text_range or (0, length)
    where = {"start_index": offset + begin, "end_index": offset + end}
    return {"type": URL, URL: {**where, "title": citation.title or "", "url": citation.url or ""}}


def encode_image(image: Image) -> dict[str, Any] | None:
    """A picture; None if it has neither URL nor data."""
    if image.url is not None:
        return {"type": "image_url", "image_url": {"url": image.url}}
    if image.data is None:
        return None
    kind = image.media_type or media_type_of(image.data) or "image/png"
    return {"type": "image_url", "image_url": {"url": data_url(kind, image.data)}}


def joined_sound(sounds: Sequence[Audio]) -> Audio:
    """Pieces of sound as one: a message has a place for one alone."""
    first, *more = sounds
    if not more:
        return first
    data = joined_base64([sound.data or "" for sound in sounds])
    return replace(first, data=data, transcript="".join(sound.transcript or "" for sound in sounds) or None)


def encode_audio(audio: Audio, extra: Mapping[str, Any], new_id: str, now: float) -> dict[str, Any]:
    """Sound; `extra`: its further fields. OpenAI's SDK requires an id and a time at which it is forgotten."""
    known = {"id": f"audio_{new_id}", "expires_at": int(now)}
    return known | dict(extra) | {"data": audio.data or "", "transcript": audio.transcript or ""}


def decode_logprobs(entries: Iterable[Logprob]) -> tuple[TokenLogprob, ...]:
    """Log probabilities as our values."""
    return tuple(
        TokenLogprob(entry.token, entry.logprob, entry.bytes, tuple(map(_top, entry.top_logprobs))) for entry in entries
    )


def _top(entry: TopLogprob) -> TokenLogprob:
    return TokenLogprob(entry.token, entry.logprob, entry.bytes)


def encode_logprobs(entries: Iterable[TokenLogprob]) -> list[dict[str, Any]]:
    """Our values as log probabilities."""
    return [_encode(entry) | {"top_logprobs": [_encode(top) for top in entry.top]} for entry in entries]


def _encode(entry: TokenLogprob) -> dict[str, Any]:
    return {"token": entry.token, "logprob": entry.logprob, "bytes": entry.bytes}
