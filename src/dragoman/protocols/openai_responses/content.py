"""The content of a message, and what a tool gave: a string, or a list of typed parts. Read and written."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, assert_never

from msgspec.structs import replace

from dragoman.protocols.extra import without_none
from dragoman.protocols.json_fields import Fields, refused, wrong_type
from dragoman.protocols.media import check_base64, data_url, media_type_of, read_data_url
from dragoman.protocols.openai_responses.citations import decode_annotations, encode_annotations
from dragoman.protocols.openai_responses.extra import CONTENT, NAME, to_extra, with_extra
from dragoman.protocols.openai_responses.logprobs import check_logprobs, decode_logprobs, encode_logprobs
from dragoman.protocols.openai_shared.cache import decode_breakpoint, encode_breakpoint
from dragoman.protocols.openai_shared.file_names import file_name
from dragoman.protocols.openai_shared.sound import decode_sound, encode_sound
from dragoman.protocols.speech import OURS
from dragoman.types import (
    AnyPart,
    Audio,
    File,
    HostedCall,
    HostedResult,
    Image,
    Reasoning,
    Refusal,
    Text,
    ToolCall,
    ToolResult,
    Unknown,
)

ANNOTATIONS, LOGPROBS = "annotations", "logprobs"


def decode_content(fields: Fields, name: str = "content", item: str | None = None) -> tuple[AnyPart, ...]:
    """The parts in the field `name`: a string is one text. `item`: the id of the item that they stand in."""
    content, path = fields.any(name), fields.path(name)
    if isinstance(content, str):
        return (Text(text=content, item=item),)
    if isinstance(content, list | tuple):
        return tuple(_plain(value, item) or _part(value, f"{path}[{i}]", item) for i, value in enumerate(content))
    raise wrong_type(path, "a string or a list of parts", content)


def check_notes(content: object, path: str) -> None:
    """Raises InvalidRequestError for sources and log probabilities beside a text of a caller that are none."""
    for i, part in enumerate(content if isinstance(content, list | tuple) else ()):
        if isinstance(part, Mapping) and (ANNOTATIONS in part or LOGPROBS in part):
            fields = Fields(part, f"{path}[{i}]")
            for place, note in fields.items(ANNOTATIONS):
                Fields(note, place)
            check_logprobs(fields.any(LOGPROBS), fields.path(LOGPROBS))


def encode_content(parts: Sequence[AnyPart], *, answered: bool = False) -> str | list[dict[str, Any]]:
    """A single plain text as a string, all else as a list. `answered`: by the model, and not by the caller."""
    if len(parts) == 1 and isinstance(only := parts[0], Text) and _is_plain(only):
        return only.text
    return [body for part in parts if (body := encode_part(part, answered=answered)) is not None]


def is_content(part: AnyPart) -> bool:
    """Whether an answer of the model has the part inside of a message."""
    return isinstance(part, Text | Refusal) or (isinstance(part, Unknown) and stood_in_message(part))


def stood_in_message(part: Unknown) -> bool:
    """Whether an unknown part was not an item of its own."""
    return bool(part.extra.get(OURS, {}).get(CONTENT))


def _is_plain(text: Text) -> bool:
    return NAME not in text.extra and text.cache is None and not text.citations and not text.logprobs


def _plain(value: object, item: str | None) -> Text | None:
    """A text without further fields, as most parts are."""
    if type(value) is dict and len(value) == 2 and value.get("type") in ("input_text", "output_text"):
        text = value.get("text")
        return Text(text=text, item=item) if type(text) is str else None
    return None


def _part(value: object, path: str, item: str | None) -> AnyPart:
    fields = Fields(value, path)
    whole = dict(fields.rest)
    read = READERS.get(fields.required_text("type"))
    if read is None:
        return Unknown(protocol=NAME, data=whole, item=item, extra={OURS: {CONTENT: True}})
    part = read(fields)
    return part if item is None else replace(part, item=item)


def _text(fields: Fields) -> Text:
    text, cache = fields.required_text("text"), decode_breakpoint(fields)
    notes = decode_annotations(fields.any(ANNOTATIONS))
    tokens = decode_logprobs(fields.any(LOGPROBS))
    return Text(text=text, citations=notes, logprobs=tokens, cache=cache, extra=to_extra(fields.rest))


def _refusal(fields: Fields) -> Refusal:
    return Refusal(text=fields.required_text("refusal"), extra=to_extra(fields.rest))


def _image(fields: Fields) -> Image:
    url, known, detail = fields.text("image_url"), fields.text("file_id"), fields.text("detail")
    cache = decode_breakpoint(fields)
    extra = to_extra(fields.rest)
    if url is None:
        if known is None:
            raise refused(fields.path("image_url"), "expected it, or `file_id`")
        return Image(file_id=known, service=NAME, detail=detail, cache=cache, extra=extra)
    if inline := read_data_url(url):
        check_base64(inline[1], fields.path("image_url"))
        return Image(data=inline[1], media_type=inline[0], detail=detail, cache=cache, extra=extra)
    return Image(url=url, detail=detail, cache=cache, extra=extra)


def _file(fields: Fields) -> File:
    data, url, known = fields.text("file_data"), fields.text("file_url"), fields.text("file_id")
    name, cache = fields.text("filename"), decode_breakpoint(fields)
    extra = to_extra(fields.rest)
    if data is not None:
        inline = read_data_url(data)
        kind, data = (None, data) if inline is None else inline
        check_base64(data, fields.path("file_data"))
        if name is None:
            extra = to_extra(fields.rest | UNNAMED)
        return File(data=data, media_type=kind, name=name, cache=cache, extra=extra)
    if url is not None:
        return File(url=url, name=name, cache=cache, extra=extra)
    if known is None:
        raise refused(fields.path("file_data"), "expected it, or `file_url` or `file_id`")
    return File(file_id=known, service=NAME, name=name, cache=cache, extra=extra)


def _audio(fields: Fields) -> Audio:
    return decode_sound(fields, to_extra)


UNNAMED = {"filename": None}
"""Notes that the caller gave no name, since we give one to what comes from elsewhere."""

READERS: dict[str, Callable[[Fields], AnyPart]] = {
    "input_text": _text,
    "output_text": _text,
    "text": _text,
    "refusal": _refusal,
    "input_image": _image,
    "input_file": _file,
    "input_audio": _audio,
}


def encode_part(part: AnyPart, *, answered: bool) -> dict[str, Any] | None:
    """A part of a message; None if a message cannot have it, see `losses`."""
    match part:
        case Text():
            body = output_text(part) if answered else {"type": "input_text", "text": part.text}
        case Refusal(text=text):
            body = {"type": "refusal", "refusal": text}
        case Image():
            url = part.url if part.data is None else _inline(part.data, part.media_type, "image/png")
            said = {"image_url": url, "file_id": part.file_id if url is None else None}
            body = {"type": "input_image", "detail": part.detail or "auto"} | without_none(said)
        case File():
            body = {"type": "input_file"} | _file_fields(part)
            return without_none(with_extra(body | encode_breakpoint(part.cache), part.extra))
        case Audio():
            body = encode_sound(part)
        case Unknown(protocol=protocol, data=unknown):
            return unknown if protocol == NAME and stood_in_message(part) else None
        case Reasoning() | ToolCall() | ToolResult() | HostedCall() | HostedResult():
            return None
        case _:
            assert_never(part)
    return with_extra(body | encode_breakpoint(part.cache), part.extra)


def output_text(text: Text) -> dict[str, Any]:
    """A text of the model."""
    body: dict[str, Any] = {"type": "output_text", "text": text.text}
    if text.item is not None or text.citations:
        body["annotations"] = encode_annotations(text.citations, len(text.text))
    if text.logprobs:
        body["logprobs"] = encode_logprobs(text.logprobs)
    return body


def _file_fields(file: File) -> dict[str, Any]:
    if file.data is None:
        return {"file_url": file.url, "file_id": file.file_id if file.url is None else None, "filename": file.name}
    kind = file.media_type or (None if NAME in file.extra else media_type_of(file.data))
    whole = file.data if kind is None else data_url(kind, file.data)
    return {"file_data": whole, "filename": file_name(file.name, kind)}


def _inline(data: str, kind: str | None, usual: str) -> str:
    return data_url(kind or media_type_of(data) or usual, data)
