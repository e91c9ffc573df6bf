"""The content of a message: a string, or a list of typed parts. Read and written."""

import re
from collections.abc import Callable, Sequence
from typing import Any, assert_never

from dragoman.errors import InvalidRequestError
from dragoman.protocols.json_fields import Fields, wrong
from dragoman.protocols.openai_chat.extra import NAME, given_back, kept
from dragoman.types import AnyPart, Audio, File, Image, Reasoning, Refusal, Text, ToolCall, ToolResult, Unknown

DATA_URL = re.compile(r"data:([\w.+-]+/[\w.+-]+);base64,(.+)", re.ASCII | re.DOTALL)
"""https://www.rfc-editor.org/rfc/rfc2397, in the only form that all services take."""

MAGIC: dict[str, str] = {
    "iVBORw0KGgo": "image/png",
    "/9j/": "image/jpeg",
    "R0lGOD": "image/gif",
    "UklGR": "image/webp",
    "Qk": "image/bmp",
}
"""How the base64 of each type of picture begins: some protocols name no media type, but this one needs it."""


def decode_content(fields: Fields) -> tuple[AnyPart, ...]:
    """The parts of `content`: a string is one text; if it is missing, there is no part."""
    content, path = fields.any("content"), fields.path("content")
    if content is None:
        return ()
    if isinstance(content, str):
        return (Text(text=content),)
    if isinstance(content, list | tuple):
        return tuple(_plain(value) or _part(value, f"{path}[{i}]") for i, value in enumerate(content))
    raise wrong(path, "a string or a list of parts", content)


def encode_content(parts: Sequence[AnyPart]) -> str | list[dict[str, Any]]:
    """A single plain text as a string, all else as a list. Other protocols' own parts are left out; see `losses`."""
    if len(parts) == 1 and isinstance(only := parts[0], Text) and NAME not in only.extra:
        return only.text
    return [body for part in parts if (body := _said(part)) is not None]


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
    return Unknown(protocol=NAME, data=whole) if read is None else read(fields)


def _text(fields: Fields) -> Text:
    return Text(text=fields.required_text("text"), extra=kept(fields.rest))


def _refusal(fields: Fields) -> Refusal:
    return Refusal(text=fields.required_text("refusal"), extra=kept(fields.rest))


def _image(fields: Fields) -> Image:
    image = fields.fields("image_url")
    url, detail = image.required_text("url"), image.text("detail")
    extra = kept(_with_rest(fields, "image_url", image))
    if inline := DATA_URL.fullmatch(url):
        return Image(data=inline[2], media_type=inline[1], detail=detail, extra=extra)
    return Image(url=url, detail=detail, extra=extra)


def _audio(fields: Fields) -> Audio:
    audio = fields.fields("input_audio")
    data, form = audio.required_text("data"), audio.required_text("format")
    return Audio(data=data, format=form, extra=kept(_with_rest(fields, "input_audio", audio)))


def _file(fields: Fields) -> File:
    file = fields.fields("file")
    data, name, known = file.text("file_data"), file.text("filename"), file.text("file_id")
    extra = kept(_with_rest(fields, "file", file))
    if data is not None and (inline := DATA_URL.fullmatch(data)):
        return File(data=inline[2], media_type=inline[1], name=name, id=known, extra=extra)
    return File(data=data, name=name, id=known, extra=extra)


READERS: dict[str, Callable[[Fields], AnyPart]] = {
    "text": _text,
    "refusal": _refusal,
    "image_url": _image,
    "input_audio": _audio,
    "file": _file,
}


def _with_rest(outer: Fields, name: str, inner: Fields) -> dict[str, Any]:
    return outer.rest | {name: inner.rest} if inner.rest else outer.rest


def _said(part: AnyPart) -> dict[str, Any] | None:
    match part:
        case Text(text=text):
            body: dict[str, Any] = {"type": "text", "text": text}
        case Refusal(text=text):
            body = {"type": "refusal", "refusal": text}
        case Image():
            body = {"type": "image_url", "image_url": _without_none({"url": _url(part), "detail": part.detail})}
        case Audio(data=data, format=form):
            body = {"type": "input_audio", "input_audio": {"data": data, "format": form}}
        case File():
            file = {"file_data": _data(part), "filename": part.name, "file_id": part.id}
            body = {"type": "file", "file": _without_none(file)}
        case Unknown(protocol=protocol, data=data):
            return data if protocol == NAME else None
        case Reasoning() | ToolCall() | ToolResult():
            return None
        case _:
            assert_never(part)
    return given_back(body, part.extra)


def _without_none(said: dict[str, str | None]) -> dict[str, str]:
    return {name: value for name, value in said.items() if value is not None}


def _url(image: Image) -> str:
    if image.url is not None:
        return image.url
    if image.data is None:
        raise InvalidRequestError("an image: expected its url or its data, got neither")
    media_type = image.media_type or next((kind for magic, kind in MAGIC.items() if image.data.startswith(magic)), None)
    if media_type is None:
        raise InvalidRequestError("an image: expected its media type, or data that tells it")
    return f"data:{media_type};base64,{image.data}"


def _data(file: File) -> str | None:
    if file.data is None or file.media_type is None or file.data.startswith("data:"):
        return file.data
    return f"data:{file.media_type};base64,{file.data}"
