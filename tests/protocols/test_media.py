"""Pictures, sound and documents as base64: which type their beginning shows, and what a data URL says."""

import tracemalloc
from base64 import b64encode

import pytest

from dragoman.protocols.media import media_type_of, read_data_url

BEGINNINGS: list[tuple[bytes, str | None]] = [
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"\xff\xd8\xff\xe0\0", "image/jpeg"),
    (b"GIF89a", "image/gif"),
    (b"RIFF\x1e\0\0\0WEBPVP8 ", "image/webp"),
    (b"RIFF\xff\xff\xff\xffWAVEfmt ", "audio/wav"),
    (b"BM\x9a\0\0\0", "image/bmp"),
    (b"%PDF-1.7", "application/pdf"),
    (b"BIG news", None),
    (b"BOM", None),
]


@pytest.mark.parametrize(("data", "kind"), BEGINNINGS)
def test_a_type_is_known_by_its_beginning(data: bytes, kind: str | None) -> None:
    assert media_type_of(b64encode(data).decode()) == kind


URLS: list[tuple[str, tuple[str, str] | None]] = [
    ("data:image/png;base64,iVBORw0KGgo=", ("image/png", "iVBORw0KGgo=")),
    ("data:;base64,iVBORw0KGgo=", ("image/png", "iVBORw0KGgo=")),
    ("data:image/png;name=a.png;base64,eA==", ("image/png", "eA==")),
    ("data:;base64,eA==", None),
    ("data:text/plain;charset=latin1;base64,eA==", None),
    ("data:image/png,eA==", None),
    ("data:image/svg+xml,%3Csvg/%3E", None),
    ("https://a/b.png", None),
]


@pytest.mark.parametrize(("url", "found"), URLS)
def test_a_data_url_is_read(url: str, found: tuple[str, str] | None) -> None:
    assert read_data_url(url) == found


def test_a_data_url_of_many_parameters_takes_no_memory_for_each() -> None:
    url = "data:image/png" + ";a=b" * 50_000 + ",eA=="
    tracemalloc.start()
    try:
        assert read_data_url(url) is None
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert most < 8 * len(url)
