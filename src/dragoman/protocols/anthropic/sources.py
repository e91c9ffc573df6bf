"""Images and documents, each with its source: base64, plain text, a URL or a file of the service. Read and written."""

from base64 import b64decode, b64encode
from typing import Any

from dragoman.errors import InvalidRequestError
from dragoman.protocols.anthropic.cache import decode_breakpoint
from dragoman.protocols.anthropic.extra import NAME, to_extra
from dragoman.protocols.extra import without_none
from dragoman.protocols.json_fields import Fields
from dragoman.protocols.media import check_base64, media_type_of, registered
from dragoman.types import File, Image, Unknown

PICTURES = frozenset({"image/jpeg", "image/png", "image/gif", "image/webp"})
"""The media types of pictures that the service takes (anthropic 2.14 `Base64ImageSourceParam`)."""
PDF, PLAIN = "application/pdf", "text/plain"


def decode_image(fields: Fields) -> Image | Unknown:
    """An image, of which the type was read already."""
    whole = {"type": "image"} | fields.rest
    source = fields.fields("source")
    where = _where(source)
    if where is None:
        return Unknown(protocol=NAME, data=whole)
    cache = decode_breakpoint(fields)
    return Image(**where, cache=cache, extra=to_extra(_with_rest(fields, source)))


def decode_document(fields: Fields) -> File | Unknown:
    """The same for a document; one that consists of blocks is of a kind that only this protocol knows."""
    whole = {"type": "document"} | fields.rest
    source = fields.fields("source")
    where = _where(source)
    if where is None:
        return Unknown(protocol=NAME, data=whole)
    name, cache = fields.text("title"), decode_breakpoint(fields)
    return File(**where, name=name, cache=cache, extra=to_extra(_with_rest(fields, source)))


def _where(source: Fields) -> dict[str, Any] | None:
    """Where the bytes are, as attributes of media; None if the source is of an unknown type."""
    match source.required_text("type"):
        case "base64":
            media_type, data = source.required_text("media_type"), source.required_text("data")
            check_base64(data, source.path("data"))
            return {"media_type": media_type, "data": data}
        case "text":
            media_type, text = source.required_text("media_type"), source.required_text("data")
            return {"media_type": media_type, "data": b64encode(text.encode()).decode()}
        case "url":
            return {"url": source.required_text("url")}
        case "file":
            return {"file_id": source.required_text("file_id"), "service": NAME}
        case _:
            return None


def encode_image(image: Image) -> dict[str, Any] | None:
    """The picture; None if the service takes no such media type, see `takes_picture`."""
    if not takes_picture(image):
        return None
    if image.url is not None:
        source = {"type": "url", "url": image.url}
    elif image.file_id is not None:
        source = {"type": "file", "file_id": image.file_id}
    elif image.data is None:
        raise InvalidRequestError("an image: expected its url, its data or its file, got none of them")
    else:
        kind = _kind_of_picture(image)
        if kind is None:
            raise InvalidRequestError("an image: expected its media type, or data that tells it")
        source = {"type": "base64", "media_type": kind, "data": image.data}
    return {"type": "image", "source": source}


def takes_picture(image: Image) -> bool:
    """Whether the service takes a picture of this media type; true if nothing says it."""
    kind = _kind_of_picture(image)
    return kind is None or kind in PICTURES


def is_exact_picture(image: Image) -> bool:
    """Whether the media type arrives as it is."""
    return image.data is None or image.media_type is None or registered(image.media_type) == _kind_of_picture(image)


def _kind_of_picture(image: Image) -> str | None:
    """The media type of a picture with data. The service refuses another than its bytes show: BerriAI/litellm#24900."""
    shown = None if image.data is None else media_type_of(image.data)
    if image.data is None or image.media_type is None or shown in PICTURES:
        return shown
    return registered(image.media_type)


def encode_document(file: File) -> dict[str, Any] | None:
    """The document; None if the service takes no such media type, see `takes`."""
    if not takes(file):
        return None
    if file.url is not None:
        source = {"type": "url", "url": file.url}
    elif file.file_id is not None:
        source = {"type": "file", "file_id": file.file_id}
    else:
        data = file.data or ""
        if _kind(file) == PDF:
            source = {"type": "base64", "media_type": PDF, "data": data}
        else:
            source = {"type": "text", "media_type": PLAIN, "data": b64decode(data).decode("utf-8", "replace")}
    return {"type": "document", "source": source} | without_none({"title": file.name})


def takes(file: File) -> bool:
    """Whether the service takes a document of this media type: PDF, and any text as a plain one."""
    return file.data is None or _kind(file) == PDF or _kind(file).startswith("text/")


def is_exact(file: File) -> bool:
    """Whether the media type arrives as it is."""
    return file.data is None or _kind(file) in {PDF, PLAIN}


def _kind(file: File) -> str:
    return file.media_type or media_type_of(file.data or "") or PDF


def _with_rest(outer: Fields, source: Fields) -> dict[str, Any]:
    return outer.rest | {"source": source.rest} if source.rest else outer.rest
