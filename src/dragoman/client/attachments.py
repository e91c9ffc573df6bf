"""A file as a part of a message: what it is, is seen in its bytes and not in its name."""

import re
from base64 import b64encode
from os import PathLike
from pathlib import Path

from dragoman.errors import InvalidRequestError
from dragoman.types import Audio, File, Image, Text
from dragoman.wire.utf8 import well_formed

PDF = "application/pdf"
"""May be text throughout."""

SIGNATURES: tuple[tuple[re.Pattern[bytes], str], ...] = tuple(
    (re.compile(pattern, re.DOTALL), media_type)
    for pattern, media_type in (
        (rb"\x89PNG\r\n\x1a\n", "image/png"),
        (rb"\xff\xd8\xff", "image/jpeg"),
        (rb"GIF8[79]a", "image/gif"),
        (rb"RIFF.{4}WEBP", "image/webp"),
        (rb".{4}ftyp(heic|heix|mif1|msf1)", "image/heic"),
        (rb".{4}ftypavif", "image/avif"),
        (rb"BM.{4}\0\0\0\0", "image/bmp"),
        (rb"II\*\0|MM\0\*", "image/tiff"),
        (rb"%PDF-", PDF),
        (rb"RIFF.{4}WAVE", "audio/wav"),
        (rb"ID3|\xff[\xfb\xf3\xf2]", "audio/mpeg"),
        (rb"fLaC", "audio/flac"),
        (rb"OggS", "audio/ogg"),
        (rb".{4}ftypM4A", "audio/mp4"),
        (rb"\xff[\xf1\xf9]", "audio/aac"),
        (rb".{4}ftyp", "video/mp4"),
        (rb"\x1aE\xdf\xa3", "video/webm"),
    )
)
"""How files begin, and what they are; the first that fits decides. https://mimesniff.spec.whatwg.org/, and for what is
not there the formats' own pages."""

BINARY = re.compile(rb"[\0-\x08\x0b\x0e-\x1a\x1c-\x1f]")
"""What no text has, and a file of any other format has in its head. https://mimesniff.spec.whatwg.org/#binary-data-byte"""

KNOWN = "a picture, a PDF, a sound, a video or text in UTF-8"

Attachment = Text | Image | Audio | File


def attachment(file: str | PathLike[str] | bytes, name: str | None = None) -> Attachment:
    """The file at a path, or its bytes, as a part of a message: a picture, sound, a document or a video, or text.

    `name` is what a text or a document is called; a path has one. Raises OSError for a file that cannot be read, and
    InvalidRequestError for bytes that are none of these.
    """
    if isinstance(file, bytes):
        return _part(file, well_formed(name or "file"))
    path = Path(file)
    return _part(path.read_bytes(), well_formed(name or path.name))


def _part(data: bytes, name: str) -> Attachment:
    """Text is a part in a fenced block under its name, all else is in base64."""
    media_type = next((kind for pattern, kind in SIGNATURES if pattern.match(data)), None)
    if media_type is None or (media_type != PDF and _is_text(data)):
        return Text(text=_fenced(_text(data, name), name))
    kind, coded = media_type.partition("/")[0], b64encode(data).decode()
    if kind == "image":
        return Image(data=coded, media_type=media_type)
    if kind == "audio":
        return Audio(data=coded, media_type=media_type)
    return File(data=coded, media_type=media_type, name=name)


def _is_text(data: bytes) -> bool:
    """Whether it is text that only begins like another format, as notes about ID3 may."""
    if BINARY.search(data):
        return False
    try:
        data.decode()
    except UnicodeDecodeError:
        return False
    return True


def _text(data: bytes, name: str) -> str:
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as exc:
        raise InvalidRequestError(f"{name}: expected {KNOWN}, got other bytes") from exc
    if not text.strip() or "\0" in text:
        raise InvalidRequestError(f"{name}: expected {KNOWN}, got {'other bytes' if text.strip() else 'an empty file'}")
    return text


def _fenced(text: str, name: str) -> str:
    """The text in a block of code whose fence does not stand in it."""
    longest = max((len(fence) for fence in re.findall("`{3,}", text)), default=2)
    fence = "`" * (longest + 1)
    return f"{name}:\n\n{fence}\n{text.rstrip(chr(10))}\n{fence}"
