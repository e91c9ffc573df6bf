"""What a file is, by its bytes, and the part of a message that it becomes."""

from base64 import b64decode
from pathlib import Path

import pytest

from dragoman import attachment
from dragoman.client.attachments import SIGNATURES
from dragoman.errors import InvalidRequestError
from dragoman.types import Audio, File, Image, Media, Text

KINDS = [
    (b"\x89PNG\r\n\x1a\n...", Image, "image/png"),
    (b"\xff\xd8\xff\xe0..", Image, "image/jpeg"),
    (b"GIF89a\1\0\1\0", Image, "image/gif"),
    (b"RIFF\n\n\0\0WEBPVP8 ", Image, "image/webp"),
    (b"\0\0\0\x18ftypheic", Image, "image/heic"),
    (b"\0\0\0\x18ftypavif", Image, "image/avif"),
    (b"BM\x10\x20\n\x01\0\0\0\0", Image, "image/bmp"),
    (b"II*\0....", Image, "image/tiff"),
    (b"%PDF-1.7\n", File, "application/pdf"),
    (b"RIFF\n\n\0\0WAVEfmt ", Audio, "audio/wav"),
    (b"ID3\x04", Audio, "audio/mpeg"),
    (b"\xff\xfb\x90", Audio, "audio/mpeg"),
    (b"fLaC\0", Audio, "audio/flac"),
    (b"OggS\0", Audio, "audio/ogg"),
    (b"\0\0\0\x20ftypM4A ", Audio, "audio/mp4"),
    (b"\xff\xf1P", Audio, "audio/aac"),
    (b"\0\0\0\x20ftypisom", File, "video/mp4"),
    (b"\x1aE\xdf\xa3\x01", File, "video/webm"),
]


@pytest.mark.parametrize(("data", "kind", "media_type"), KINDS, ids=[f"{row[2]}-{i}" for i, row in enumerate(KINDS)])
def test_a_file_is_what_its_bytes_say(tmp_path: Path, data: bytes, kind: type[Media], media_type: str) -> None:
    path = tmp_path / "lies.txt"
    path.write_bytes(data)
    part = attachment(path)
    assert type(part) is kind
    assert isinstance(part, Media)
    assert part.media_type == media_type
    assert part.data
    assert b64decode(part.data, validate=True) == data
    if isinstance(part, File):
        assert part.name == "lies.txt"


def test_every_signature_is_tried() -> None:
    assert {media_type for _, media_type in SIGNATURES} == {row[2] for row in KINDS}


def test_text_is_fenced_so_that_it_stays_text() -> None:
    assert attachment("\ufeffПривет\n\n".encode(), "a.txt") == Text(text="a.txt:\n\n```\nПривет\n```")
    assert attachment(b"```sh\nls\n```\n", "a.md") == Text(text="a.md:\n\n````\n```sh\nls\n```\n````")


@pytest.mark.parametrize("begins", ["ID3", "GIF89a", "OggS", "fLaC", "the ftyp"])
def test_text_that_begins_with_the_name_of_a_format_is_text(begins: str) -> None:
    assert attachment(f"{begins}: what it is.\n".encode(), "a.md") == Text(
        text=f"a.md:\n\n```\n{begins}: what it is.\n```"
    )


@pytest.mark.parametrize(
    ("data", "got"),
    [(b"", "an empty file"), (b" \n", "an empty file"), (b"\x7fELF\x02\xff", "other"), (b"a\0b", "other")],
)
def test_what_is_none_of_these_is_refused(data: bytes, got: str) -> None:
    with pytest.raises(InvalidRequestError, match=f"x: expected a picture, a PDF, .* got {got}"):
        attachment(data, "x")


def test_a_file_is_named_by_its_path_or_given_as_bytes(tmp_path: Path) -> None:
    path = tmp_path / "a.pdf"
    path.write_bytes(b"%PDF-1.7")
    called = File(data="JVBERi0xLjc=", media_type="application/pdf", name="a.pdf")
    assert attachment(str(path)) == attachment(path) == attachment(b"%PDF-1.7", "a.pdf") == called
    assert attachment(path, "b.pdf") == attachment(b"%PDF-1.7", "b.pdf")
    assert attachment(b"hello") == Text(text="file:\n\n```\nhello\n```")
    with pytest.raises(FileNotFoundError):
        attachment(tmp_path / "none")
