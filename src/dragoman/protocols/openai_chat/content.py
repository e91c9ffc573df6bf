"""The content of a message: a string, or a list of typed parts. Read and written."""

from collections.abc import Callable, Sequence
from typing import Any, assert_never

from msgspec.structs import replace

from dragoman.errors import InvalidRequestError
from dragoman.protocols.extra import without_none
from dragoman.protocols.json_fields import Fields, refused, wrong_type
from dragoman.protocols.media import check_base64, data_url, media_type_of, read_data_url
from dragoman.protocols.openai_chat.controls import is_at_message, noted, returned, taken
from dragoman.protocols.openai_chat.extra import NAME, to_extra, with_extra
from dragoman.protocols.openai_shared.cache import decode_breakpoint, encode_breakpoint
from dragoman.protocols.openai_shared.file_names import file_name
from dragoman.protocols.openai_shared.sound import decode_sound, encode_sound
from dragoman.protocols.speech import OURS
from dragoman.types import (
    AnyPart,
    Audio,
    CacheBreakpoint,
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


def decode_content(fields: Fields) -> tuple[AnyPart, ...]:
    """The parts of `content`: a string is one text; if it is missing, there is no part."""
    content, path = fields.any("content"), fields.path("content")
    if content is None:
        return ()
    if isinstance(content, str):
        return (Text(text=content),)
    if isinstance(content, list | tuple):
        return tuple(_plain(value) or _part(value, f"{path}[{i}]") for i, value in enumerate(content))
    raise wrong_type(path, "a string or a list of parts", content)


Marks = Callable[[CacheBreakpoint | None], dict[str, Any]]
"""Writes the breakpoint of a part."""


def encode_content(parts: Sequence[AnyPart], marks: Marks = encode_breakpoint) -> str | list[dict[str, Any]]:
    """A single plain text as a string, all else as a list. Other protocols' own parts are left out; see `losses`."""
    if len(parts) == 1 and isinstance(only := parts[0], Text) and not _is_more(only):
        return only.text
    return [body for part in parts if (body := _said(part, marks)) is not None]


def _is_more(text: Text) -> bool:
    """Whether this protocol has something to say of a text beside its words."""
    extra = text.extra
    if text.cache is not None and not is_at_message(extra):
        return True
    return bool(extra) and (NAME in extra or bool(returned(extra)))


def _plain(value: object) -> Text | None:
    """A text without further fields, as most parts are: without this, each of thousands costs three times as much."""
    if type(value) is dict and len(value) == 2 and value.get("type") == "text":
        text = value.get("text")
        return Text(text=text) if type(text) is str else None
    return None


def _part(value: object, path: str) -> AnyPart:
    fields = Fields(value, path)
    whole = dict(fields.rest)
    read = READERS.get(fields.required_text("type"))
    if read is None:
        return Unknown(protocol=NAME, data=whole)
    breakpoint, note = taken(fields)
    part = read(fields)
    if breakpoint is None:
        return part
    return replace(part, cache=part.cache or breakpoint, extra=noted(part.extra, note))


def _text(fields: Fields) -> Text:
    return Text(text=fields.required_text("text"), cache=decode_breakpoint(fields), extra=to_extra(fields.rest))


def _refusal(fields: Fields) -> Refusal:
    return Refusal(text=fields.required_text("refusal"), extra=to_extra(fields.rest))


def _image(fields: Fields) -> Image:
    if isinstance(said := fields.rest.get("image_url"), str):
        fields.rest["image_url"] = {"url": said}  # Mistral's form: mistralai/client-python `ImageURLChunk`
    image = fields.fields("image_url")
    url, detail, cache = image.required_text("url"), image.text("detail"), decode_breakpoint(fields)
    extra = to_extra(_with_rest(fields, "image_url", image))
    if inline := read_data_url(url) or _bare(url):
        check_base64(inline[1], image.path("url"))
        return Image(data=inline[1], media_type=inline[0], detail=detail, cache=cache, extra=extra)
    return Image(url=url, detail=detail, cache=cache, extra=extra)


def _bare(url: str) -> tuple[str, str] | None:
    """The media type and the base64 text, if that stands in the place of an address.

    Z.ai's client takes the beginning off each data URL of a picture: zai-org/z-ai-sdk-python `chat/completions.py`.
    """
    kind = media_type_of(url)
    return (kind, url) if kind is not None and kind.startswith("image/") else None


def _audio(fields: Fields) -> Audio:
    return decode_sound(fields, to_extra)


def _file(fields: Fields) -> File:
    file = fields.fields("file")
    data, name, known = file.text("file_data"), file.text("filename"), file.text("file_id")
    cache = decode_breakpoint(fields)
    extra = to_extra(_with_rest(fields, "file", file))
    inline = None if data is None else read_data_url(data)
    kind, data = (None, data) if inline is None else inline
    url = None
    if data is not None and data.startswith("https://"):
        url, data = data, None  # OpenRouter's form of a document's address
    elif data is None and known is None:
        raise refused(file.path("file_data"), "expected it, or `file_id`")
    if data is not None:
        check_base64(data, file.path("file_data"))
        if name is None:
            extra |= {OURS: {UNNAMED: True}}
    service = None if known is None else NAME
    return File(
        url=url,
        data=data,
        media_type=kind,
        name=name,
        file_id=known,
        service=service,
        cache=cache,
        extra=extra,
    )


UNNAMED = "unnamed"
"""Notes that the caller gave no name to a document, since we give one to what comes from elsewhere."""

READERS: dict[str, Callable[[Fields], AnyPart]] = {
    "text": _text,
    "refusal": _refusal,
    "image_url": _image,
    "input_audio": _audio,
    "file": _file,
}


def _with_rest(outer: Fields, name: str, inner: Fields) -> dict[str, Any]:
    return outer.rest | {name: inner.rest} if inner.rest else outer.rest


def _said(part: AnyPart, marks: Marks) -> dict[str, Any] | None:
    match part:
        case Text(text=text):
            body: dict[str, Any] = {"type": "text", "text": text}
        case Refusal(text=text):
            body = {"type": "refusal", "refusal": text}
        case Image():
            url = _url(part)
            if url is None:
                return None
            body = {"type": "image_url", "image_url": without_none({"url": url, "detail": part.detail})}
        case Audio():
            if part.data is None:
                return None
            body = encode_sound(part)
        case File(data=data):
            kind = part.media_type or (media_type_of(data) if data is not None else None)
            whole = data_url(kind, data) if data is not None and kind is not None else data or part.url
            if whole is None and part.file_id is None:
                return None
            unnamed = data is None or part.extra.get(OURS, {}).get(UNNAMED)
            name = part.name if unnamed else file_name(part.name, kind)
            file = {"file_data": whole, "filename": name, "file_id": part.file_id}
            body = {"type": "file", "file": without_none(file)}
        case Unknown(protocol=protocol, data=unknown):
            return unknown if protocol == NAME else None
        case Reasoning() | ToolCall() | ToolResult() | HostedCall() | HostedResult():
            return None
        case _:
            assert_never(part)
    mark = returned(part.extra) or ({} if is_at_message(part.extra) else marks(part.cache))
    return with_extra(body | mark, part.extra)


def _url(image: Image) -> str | None:
    if image.url is not None:
        return image.url
    if image.data is None:
        if image.file_id is None:
            raise InvalidRequestError("an image: expected its url or its data, got neither")
        return None
    media_type = image.media_type or media_type_of(image.data)
    if media_type is None:
        raise InvalidRequestError("an image: expected its media type, or data that tells it")
    return data_url(media_type, image.data)
