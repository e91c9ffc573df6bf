"""Mistakes in a service's settings that can be found before it is asked. Opens no connection."""

import re
import ssl
from collections.abc import Callable

from dragoman.config import ProviderConfig
from dragoman.errors import DragomanError
from dragoman.protocols.openai_chat import COMPLETIONS
from dragoman.providers.catalogue import Provider
from dragoman.providers.models import ProviderModelMixin
from dragoman.providers.vendor import SENDABLE
from dragoman.transport.browser import BrowserTransport
from dragoman.transport.http.proxies import NONE
from dragoman.transport.http.target import parse, parse_proxy

PORT = re.compile(r"[^/]*//[^/]*:([0-9]+)(?:/.*)?", re.DOTALL)
HIGHEST_PORT = 65535

CHAT = "/chat/completions"
"""What OpenAI's protocol adds to a `url`; many users add it themselves."""


def check_service(base: Provider, provider: Provider, entry: ProviderConfig) -> dict[str, str]:
    """Setting to what is wrong with it, for `provider`, which is `base` as `entry` configures it."""
    found = {key: _flaw(check, provider) for key, check in CHECKS.items()}
    useless = (key for key in OWN if getattr(entry, key) is not None and key not in dir(base))
    found |= dict.fromkeys(useless, f"expected none, {base.__name__} has no use for it")
    if isinstance(entry.impersonate, str):
        # A class names a known browser, and to check it would import all of curl_cffi.
        found["impersonate"] = _flaw(_likeness, provider)
    return {key: message for key, message in found.items() if message}


def _flaw(check: Callable[[Provider], str], provider: Provider) -> str:
    try:
        return check(provider)
    except DragomanError as exc:
        return exc.message


def _url(provider: Provider) -> str:
    name = "" if provider.has_own_way() else provider.codec().name
    url = provider.url
    if not url:
        return ""
    port = PORT.fullmatch(url)
    if port and not 0 < int(port[1]) <= HIGHEST_PORT:
        return f"expected a port from 1 to {HIGHEST_PORT}, got {port[1]}"
    parse(url)
    if name == "openai-chat" and url.rstrip("/").endswith(CHAT):
        return f"expected what stands before {CHAT}, got that too"
    return ""


def _proxy(provider: Provider) -> str:
    if provider.proxy not in (None, NONE):
        parse_proxy(provider.proxy)
    return ""


def _ca_file(provider: Provider) -> str:
    if provider.ca_file is None:
        return ""
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(provider.ca_file)
    except ssl.SSLError:
        return f"expected a PEM file of certificates, got none in {provider.ca_file!r}"
    except (OSError, ValueError) as exc:
        reason = exc.strerror if isinstance(exc, OSError) else exc
        return f"expected a PEM file of certificates, got {provider.ca_file!r}, which cannot be read: {reason}"
    return ""


def _default_model(provider: Provider) -> str:
    if issubclass(provider, ProviderModelMixin):
        provider.get_model(provider.default_model)
    return ""


def _prompt_tools(provider: Provider) -> str:
    if not provider.prompt_tools or provider.has_own_way():
        return ""
    codec = provider.codec()
    return f"expected a protocol without tools, {codec.name} has them" if "tools" in codec.expresses else ""


def _completions(provider: Provider) -> str:
    path = getattr(provider, "completions", "")
    if not path or not provider.url:
        return ""
    codec = provider.codec()
    return "" if codec.relay_for(COMPLETIONS) is not None else f"expected none, {codec.name} has no use for it"


def _likeness(provider: Provider) -> str:
    if provider.impersonate is not None:
        BrowserTransport(provider.impersonate).close()
    return ""


def _key(provider: Provider) -> str:
    # A file's value was checked when it was read; a program may set anything.
    key = provider.key()
    return "" if not key or SENDABLE.fullmatch(key) else "expected visible ASCII characters, got others"


OWN = ("version", "max_tokens", "completions", "models", "default_model", "model_aliases")
"""Settings of which only some classes have an attribute; for all others they would do nothing."""


def _headers(provider: Provider) -> str:
    useless = provider.headers and provider.has_own_way()
    return f"expected none, {provider.__name__} has no use for it" if useless else ""


CHECKS: dict[str, Callable[[Provider], str]] = {
    "url": _url,
    "headers": _headers,
    "proxy": _proxy,
    "ca_file": _ca_file,
    "api_key": _key,
    "default_model": _default_model,
    "prompt_tools": _prompt_tools,
    "completions": _completions,
}
"""Setting to what is wrong with it."""
