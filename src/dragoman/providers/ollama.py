"""Ollama, on this machine or another, and every server that is like it."""

import os
from typing import ClassVar
from urllib.parse import urlsplit

from dragoman.protocols.base import ClientCodec
from dragoman.protocols.ollama import OllamaClient
from dragoman.protocols.ollama.models import decode_tags, tags_request
from dragoman.providers.codecs import shared
from dragoman.providers.vendor import Lister, ListingProvider, checked_url, own_key

PORT = 11434
PORTS = {"http": 80, "https": 443}


class OllamaHome:
    """Ollama's URL for this user: that of OLLAMA_HOST, if it is set, as Ollama's own tools read it."""

    variable = "OLLAMA_HOST"

    def __get__(self, instance: object, owner: type) -> str:
        return url_of(os.environ.get(self.variable, ""))


def url_of(host: str) -> str:
    """The URL that `host` means: `example.com`, `:5000`, `https://example.com/path` … As it is if it means none."""
    scheme, mark, rest = host.strip().strip("\"'").partition("://")
    if not mark:
        scheme, rest = "http", scheme
    try:
        parts = urlsplit(f"{scheme}://{rest}")
        name, port = parts.hostname or "127.0.0.1", parts.port or (PORTS.get(scheme, PORT) if mark else PORT)
    except ValueError:
        return host
    path = parts.path.strip("/")
    return f"{scheme}://{f'[{name}]' if ':' in name else name}:{port}" + (f"/{path}" if path else "")


class Ollama(ListingProvider):
    """Any service with `POST {url}/api/chat`. Without `models` it takes any name.

    The key is `api_key`, or the variable OLLAMA_API_KEY, which goes to no other host than that of the class.
    """

    generic = OllamaClient.name
    lister = Lister(tags_request, decode_tags)
    url = OllamaHome()
    supports_message_history = True
    key_variable: ClassVar[str] = "OLLAMA_API_KEY"

    @classmethod
    def codec(cls) -> ClientCodec:
        return shared(OllamaClient, checked_url(cls, OllamaHome.variable))

    @classmethod
    def key(cls) -> str | None:
        return own_key(cls, cls.key_variable, cls._founder("key_variable").url)
