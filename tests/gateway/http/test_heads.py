"""Heads: nothing that was put into one breaks out of it, and nothing is read two ways."""

import pytest

from dragoman.errors import DragomanError
from dragoman.gateway.http.heads import BadHeadError, check_head, date, fields, split_target, status_line


@pytest.mark.parametrize("bad", ["\r\n", "\n", "\r", "\0", "a\r\nset-cookie: b", "a\nb", "a\rb", "\r\n\r\n<html>"])
def test_no_value_and_no_name_breaks_out_of_its_line(bad: str) -> None:
    with pytest.raises(DragomanError, match="one line"):
        fields((("x", "fine"), ("y", bad)))
    with pytest.raises(DragomanError, match="one line"):
        fields(((bad, "y"),))


def test_fields_are_lines() -> None:
    assert fields(()) == b""
    assert fields((("a", "1"), ("b", "é"), ("c", "я"))) == b"a: 1\r\nb: \xe9\r\nc: ?\r\n"


def test_a_status_has_its_phrase() -> None:
    assert status_line(404) == b"HTTP/1.1 404 Not Found\r\n"
    assert status_line(799) == b"HTTP/1.1 799 Unknown\r\n"


def test_the_date_is_one_line() -> None:
    assert date().startswith(b"date: ")
    assert date().endswith(b" GMT\r\n")


TARGETS: dict[bytes, tuple[str, str, bytes | None]] = {
    b"/": ("/", "", None),
    b"/a?b?c=%2F": ("/a", "b?c=%2F", None),
    b"/a%20b%2Fc": ("/a b/c", "", None),
    b"/%ff%": ("/\N{REPLACEMENT CHARACTER}%", "", None),
    b"//a/b": ("//a/b", "", None),
    b"/http://a/b": ("/http://a/b", "", None),
    b"*": ("*", "", None),
    b"a:1": ("a:1", "", None),
    b"http://a": ("/", "", b"a"),
    b"http://a:1/b?c": ("/b", "c", b"a:1"),
    b"http://[::1]/b%2fc": ("/b/c", "", b"[::1]"),
    b"http://u@a/b": ("/b", "", b"u@a"),
}


@pytest.mark.parametrize("url", TARGETS)
def test_a_target_is_a_path_a_query_and_perhaps_a_host(url: bytes) -> None:
    assert split_target(url) == TARGETS[url]


def test_a_target_that_is_none_is_refused() -> None:
    with pytest.raises(BadHeadError, match="path or a URL"):
        split_target(b"http://[a/")


def test_a_host_is_named_once_where_the_version_has_hosts() -> None:
    host = (b"host", b"a")
    check_head((host,), "1.1")
    check_head((host,), "1.0")
    check_head((), "1.0")
    for headers, version in [
        ((), "1.1"),
        ((host, host), "1.1"),
        ((host, host), "1.0"),
        ((host,), "0.9"),
        ((host,), "2.0"),
    ]:
        with pytest.raises(BadHeadError):
            check_head(headers, version)


def test_chunks_are_the_only_coding() -> None:
    host = (b"host", b"a")
    check_head((host, (b"transfer-encoding", b" Chunked ")), "1.1")
    for value, version in {b"gzip, chunked": "1.1", b"": "1.1", b"chunked": "1.0"}.items():
        with pytest.raises(BadHeadError, match="chunked"):
            check_head((host, (b"transfer-encoding", value)), version)
