"""The proxy that the environment names is used as curl would, and never towards this machine."""

import pytest

from dragoman.errors import ConfigurationError
from dragoman.transport.http.proxies import proxy_for

URL = "https://llm.example.org/v1"
PROXY = "http://proxy.example:3128"


@pytest.mark.parametrize(
    ("url", "environ", "wanted"),
    [
        (URL, {}, None),
        (URL, {"HTTPS_PROXY": PROXY}, PROXY),
        (URL, {"https_proxy": PROXY}, PROXY),
        (URL, {"https_proxy": PROXY, "HTTPS_PROXY": "http://other"}, PROXY),
        (URL, {"https_proxy": "", "HTTPS_PROXY": PROXY}, PROXY),
        (URL, {"http_proxy": PROXY, "HTTP_PROXY": PROXY}, None),
        (URL, {"ALL_PROXY": PROXY}, PROXY),
        (URL, {"all_proxy": "socks5h://u:p@proxy.example"}, "socks5h://u:p@proxy.example"),
        (URL, {"ALL_PROXY": "http://other", "HTTPS_PROXY": PROXY}, PROXY),
        (URL, {"HTTPS_PROXY": "proxy.example:3128"}, PROXY),
        ("http://llm.example.org/v1", {"HTTPS_PROXY": PROXY}, None),
        ("http://llm.example.org/v1", {"HTTP_PROXY": PROXY}, PROXY),
        ("http://llm.example.org/v1", {"HTTP_PROXY": PROXY, "REQUEST_METHOD": "POST"}, None),
        ("http://llm.example.org/v1", {"http_proxy": PROXY, "REQUEST_METHOD": "POST"}, PROXY),
        ("http://127.0.0.1:8080/v1", {"HTTP_PROXY": PROXY}, None),
        ("http://localhost:8080/v1", {"ALL_PROXY": PROXY}, None),
        ("https://[::1]/v1", {"ALL_PROXY": PROXY}, None),
        ("https://x:99999999/", {"ALL_PROXY": PROXY}, None),
        ("no url", {"ALL_PROXY": PROXY}, None),
    ],
)
def test_names_the_proxy(url: str, environ: dict[str, str], wanted: str | None) -> None:
    assert proxy_for(url, None, environ) == wanted


@pytest.mark.parametrize(
    ("host", "listed", "excepted"),
    [
        ("llm.example.org", "*", True),
        ("llm.example.org", "llm.example.org", True),
        ("llm.example.org", "LLM.Example.ORG", True),
        ("llm.example.org.", "llm.example.org", True),
        ("llm.example.org", "llm.example.org.", True),
        ("llm.example.org", "example.org", True),
        ("llm.example.org", ".example.org", True),
        ("llm.example.org", "*.example.org", True),
        ("llm.example.org", "other.org, example.org", True),
        ("llm.example.org", "other.org example.org", True),
        ("llm.example.org", "ample.org", False),
        ("llm.example.org", ".org.", True),
        ("llm.example.org", "llm.example", False),
        ("llm.example.org", "", False),
        ("llm.example.org", ",", False),
        ("llm.example.org", ".", False),
        ("llm.example.org", "example.org:443", True),
        ("llm.example.org", "example.org:8443", False),
        ("llm.example.org:8443", "example.org:8443", True),
        ("10.1.2.3", "10.1.2.3", True),
        ("10.1.2.3", "10.0.0.0/8", True),
        ("10.1.2.3", "10.0.0.1/8", True),
        ("10.1.2.3", "192.168.0.0/16", False),
        ("10.1.2.3", "10.1.2.3:443", True),
        ("10.1.2.3", "nonsense/8", False),
        ("llm.example.org", "10.0.0.0/8", False),
        ("[2001:db8::1]", "[2001:db8::1]", True),
        ("[2001:db8::1]", "2001:db8::1", True),
        ("[2001:db8::1]", "[2001:db8::1]:443", True),
        ("[2001:db8::1]", "[2001:db8::1]:80", False),
        ("[2001:db8::1]", "2001:db8::/32", True),
    ],
)
def test_no_proxy_names_what_is_reached_directly(host: str, listed: str, excepted: bool) -> None:
    for name in ("no_proxy", "NO_PROXY"):
        environ = {"ALL_PROXY": PROXY, name: listed}
        assert proxy_for(f"https://{host}/v1", None, environ) == (None if excepted else PROXY)


def test_what_was_said_takes_the_place_of_the_environments() -> None:
    environ = {"ALL_PROXY": PROXY, "NO_PROXY": "*"}
    assert proxy_for(URL, "http://own:1", environ) == "http://own:1"
    assert proxy_for("http://127.0.0.1/", "http://own:1", environ) == "http://own:1"
    assert proxy_for(URL, "none", {"ALL_PROXY": PROXY}) is None


@pytest.mark.parametrize("value", ["gopher://u:canary@h", "socks4://u:canary@h", "http://", "canary canary"])
def test_a_variable_that_names_no_proxy_is_named_and_not_shown(value: str) -> None:
    with pytest.raises(ConfigurationError, match="HTTPS_PROXY") as caught:
        proxy_for(URL, None, {"HTTPS_PROXY": value})
    assert "canary" not in str(caught.value)
