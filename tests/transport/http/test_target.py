"""URLs taken apart, heads put together, and what must never get into one."""

import pytest

from dragoman.errors import InvalidRequestError
from dragoman.transport.http.target import Origin, head, parse, parse_proxy
from dragoman.types import HttpRequest

URL = "http://host/path"


def sent(
    url: str = URL, method: str = "POST", body: bytes = b"", proxy: str | None = None, *headers: tuple[str, str]
) -> bytes:
    """The head of such a request."""
    return head(HttpRequest(method=method, url=url, headers=headers, body=body), parse(url, proxy))


@pytest.mark.parametrize(
    ("url", "origin", "line"),
    [
        ("http://Host", Origin("http", "host", 80), "/ HTTP/1.1\r\nhost: host\r\n"),
        ("https://host:443/a/b?c=d&e", Origin("https", "host", 443), "/a/b?c=d&e HTTP/1.1\r\nhost: host\r\n"),
        ("http://host:8080/#part", Origin("http", "host", 8080), "/ HTTP/1.1\r\nhost: host:8080\r\n"),
        ("http://[::1]:81/x", Origin("http", "::1", 81), "/x HTTP/1.1\r\nhost: [::1]:81\r\n"),
        ("https://[::1]", Origin("https", "::1", 443), "/ HTTP/1.1\r\nhost: [::1]\r\n"),
        ("http://host?a=b", Origin("http", "host", 80), "/?a=b HTTP/1.1\r\nhost: host\r\n"),
        ("http://host/%20a:b@c", Origin("http", "host", 80), "/%20a:b@c HTTP/1.1\r\nhost: host\r\n"),
        (
            "https://пример.рф/путь",
            Origin("https", "xn--e1afmkfd.xn--p1ai", 443),
            "/%D0%BF%D1%83%D1%82%D1%8C HTTP/1.1\r\nhost: xn--e1afmkfd.xn--p1ai\r\n",
        ),
    ],
)
def test_a_url_is_taken_apart(url: str, origin: Origin, line: str) -> None:
    assert parse(url).origin == origin
    assert parse(url).text == " " + line


def test_names_are_short() -> None:
    assert parse("https://host:443/secret?key=canary").origin.name == "https://host"
    assert parse("http://[::1]:81").origin.name == "http://[::1]:81"


@pytest.mark.parametrize(
    "url",
    [
        "",
        "/path",
        "host/path",
        "ftp://host/",
        "http:///path",
        "http://host:port/",
        "http://host:99999/",
        "http://[::1/",
        "http://ho st/",
        "http://host/a b",
        "http://host/a\r\nx: y",
        "http://host/\x00",
        "http://ho\nst/",
        "http://user:canary@host/",
        "http://" + "a" * 64 + ".example/",
        "http://host/\ud800?canary",
    ],
)
def test_no_other_url_is_taken_and_none_is_shown(url: str) -> None:
    with pytest.raises(InvalidRequestError) as caught:
        parse(url)
    assert "canary" not in str(caught.value)


def test_a_url_without_a_scheme_is_told_so() -> None:
    with pytest.raises(
        InvalidRequestError, match=r"^expected an absolute http or https URL, got one without a scheme$"
    ):
        parse("host/path")


def test_a_head_says_what_was_asked_and_how_it_is_framed() -> None:
    assert sent(URL, "POST", b"body", None, ("X-Key", "a\tb"), ("x", "")) == (
        b"POST /path HTTP/1.1\r\nhost: host\r\nX-Key: a\tb\r\nx: \r\n"
        b"accept-encoding: identity\r\ncontent-length: 4\r\n\r\n"
    )
    assert b"content-length: 0\r\n" in sent()
    assert b"content-length" not in sent(method="GET")
    assert sent(URL, "GET", b"", None, ("Accept-Encoding", "gzip")).count(b"ncoding") == 1


@pytest.mark.parametrize(
    "header",
    [
        ("x", "a\r\ny: z"),
        ("x", "a\r\n"),
        ("x", "a\nb"),
        ("x", "a\rb"),
        ("x", "a\x00b"),
        ("x", "a\x7fb"),
        ("x", "Привет"),
        ("x", "caf\xe9"),
        ("x\r\ny", "z"),
        ("x: a\r\ny", "z"),
        ("x y", "z"),
        ("x:y", "z"),
        ("", "z"),
        ("имя", "z"),
        ("Host", "elsewhere"),
        ("Content-Length", "0"),
        ("Transfer-Encoding", "chunked"),
        ("connection", "close"),
        ("Proxy-Authorization", "Basic x"),
    ],
)
def test_no_header_gets_in_that_is_another(header: tuple[str, str]) -> None:
    with pytest.raises(InvalidRequestError, match="header"):
        sent(URL, "POST", b"", None, ("good", "one"), header)


def test_a_bad_value_is_not_shown() -> None:
    with pytest.raises(InvalidRequestError, match="'authorization'") as caught:
        sent(URL, "POST", b"", None, ("authorization", "Bearer canary\n"))
    assert "canary" not in str(caught.value)


@pytest.mark.parametrize("method", ["", "GET /x HTTP/1.1\r\nx:", "G T", "МЕТОД"])
def test_no_method_gets_in_that_is_more(method: str) -> None:
    with pytest.raises(InvalidRequestError, match="method"):
        sent(method=method)


def test_an_http_proxy_gets_the_whole_url_of_a_plain_target_only() -> None:
    proxy = "http://u%40x:p@proxy:3128"
    assert sent("http://host:81/a?b", "GET", b"", proxy).startswith(
        b"GET http://host:81/a?b HTTP/1.1\r\nhost: host:81\r\nproxy-authorization: Basic dUB4OnA=\r\n"
    )
    assert sent("https://host/a", "GET", b"", proxy).startswith(b"GET /a HTTP/1.1\r\nhost: host\r\naccept")
    assert sent("http://host/a", "GET", b"", "socks5://u:p@proxy").startswith(
        b"GET /a HTTP/1.1\r\nhost: host\r\naccept"
    )


def test_a_proxy_is_shown_without_its_password() -> None:
    proxy = parse_proxy("https://user:canary@proxy")
    assert (proxy.port, proxy.password) == (443, "canary")
    assert "canary" not in f"{proxy!r} {proxy} {proxy.name} {parse(URL, 'http://u:canary@p').origin!r}"
    assert parse_proxy("socks5h://proxy").port == 1080
    assert parse_proxy("http://user@proxy").authorization == "Basic dXNlcjo="
