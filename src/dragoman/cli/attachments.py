"""Files that go with a question: what they are is seen in their bytes, not in their names."""

import re
import sys
from base64 import b64encode
from collections.abc import Sequence
from pathlib import Path

from dragoman.cli.files import read
from dragoman.cli.question import note_silence
from dragoman.error_words import cut
from dragoman.errors import InvalidRequestError
from dragoman.types import Audio, File, Image, Message, Text
from dragoman.wire.utf8 import well_formed

STDIN = "-"
"""The name that means stdin."""

URL = re.compile(r"https?://")

LARGEST = 32 << 20
"""Bytes of a file: what the gateway takes of a request, and more than most services take."""

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
        (rb"%PDF-", "application/pdf"),
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

KNOWN = "a picture, a PDF, a sound, a video or text in UTF-8"

Attachment = Text | Image | Audio | File


def attach(name: str) -> Attachment:
    """The file at the path `name`, or stdin, as a part of a message. Raises InvalidRequestError."""
    if URL.match(name):
        raise InvalidRequestError(
            f"{cut(name)}: expected a file, got a URL: fetch it first, as by `curl URL | dragoman ask -a -`"
        )
    if name != STDIN:
        path = Path(name)
        return attachment(read(path, LARGEST), well_formed(path.name))
    if sys.stdin is None:
        raise InvalidRequestError("stdin is closed: nothing can be attached from it")
    note_silence()
    data = sys.stdin.buffer.read(LARGEST + 1)
    if len(data) > LARGEST:
        raise InvalidRequestError(f"stdin: expected at most {LARGEST >> 20} MiB, got more")
    return attachment(data, "stdin")


def question(text: str, attached: Sequence[Attachment]) -> Message:
    """A message with what is attached before its text, as services advise.

    Texts are one part, with blank lines between them: services that take nothing but plain text then get that.
    """
    texts = [part.text for part in attached if isinstance(part, Text)]
    media = [part for part in attached if not isinstance(part, Text)]
    whole = "\n\n".join([*texts, *([text] if text else [])])
    return Message("user", (*media, *([Text(text=whole)] if whole else [])))


def attachment(data: bytes, name: str) -> Attachment:
    """`data` as a part of a message: text in a fenced block under its name, all else in base64."""
    media_type = next((kind for pattern, kind in SIGNATURES if pattern.match(data)), None)
    if media_type is None:
        return Text(text=_fenced(_text(data, name), name))
    kind, coded = media_type.partition("/")[0], b64encode(data).decode()
    if kind == "image":
        return Image(data=coded, media_type=media_type)
    if kind == "audio":
        return Audio(data=coded, media_type=media_type)
    return File(data=coded, media_type=media_type, name=name)


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
