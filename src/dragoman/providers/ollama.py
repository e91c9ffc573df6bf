"""Ollama, on this machine or another, and every server that is like it."""

import os
import re
from typing import ClassVar
from urllib.parse import urlsplit

from dragoman.engine.call import Service, fetch
from dragoman.engine.env import system_env
from dragoman.engine.secrets import signed
from dragoman.errors import ConfigurationError, DragomanError
from dragoman.protocols.base import ClientCodec
from dragoman.protocols.ollama import OllamaClient
from dragoman.protocols.ollama.models import decode_tags, tags_request
from dragoman.providers.base import AsyncGeneratorProvider
from dragoman.providers.models import ProviderModelMixin
from dragoman.transport.selector import Transports

MAX_LIST = 8 << 20
"""Bytes of a list of models: one takes 400 bytes, and nobody has ten thousand."""

PORT = 11434
PORTS = {"http": 80, "https": 443}

SENDABLE = re.compile(r"[!-~]+")
"""What a header's value may hold: a line break, which `echo` writes after a key, would begin another header."""


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


class Ollama(AsyncGeneratorProvider, ProviderModelMixin):
    """Any service with `POST {url}/api/chat`. Without `models` it takes any name.

    The key is `api_key`, or the variable OLLAMA_API_KEY, which goes to no other host than that of the class.
    """

    generic = OllamaClient.name
    url = OllamaHome()
    supports_message_history = True
    key_variable: ClassVar[str] = "OLLAMA_API_KEY"

    @classmethod
    def codec(cls) -> ClientCodec:
        if _site(cls.url)[0] not in PORTS:
            raise ConfigurationError(f"{cls.__name__}: expected an http or https URL (`url`, or {OllamaHome.variable})")
        return OllamaClient(cls.url)

    @classmethod
    def key(cls) -> str | None:
        if cls.api_key is not None or _site(cls.url) != _site(cls._founder("key_variable").url):
            return cls.api_key
        key = os.environ.get(cls.key_variable)
        if key and not SENDABLE.fullmatch(key):
            raise ConfigurationError(f"{cls.key_variable}: expected visible ASCII characters, got a key with others")
        return key

    @classmethod
    def get_models(cls) -> list[str]:
        return list(cls.models)

    @classmethod
    def lists_models(cls) -> bool:
        return not cls.models

    @classmethod
    async def fetch_models(cls, transports: Transports) -> tuple[str, ...]:
        env, route = system_env(cls.key()), cls.route()
        hidden = cls.secrets(env.key, route)
        service = Service(cls.__name__, cls.codec(), transports.pick(cls.likeness()), route, secrets=hidden)
        try:
            return decode_tags(await fetch(service, tags_request(cls.url, env.key), MAX_LIST))
        except DragomanError as exc:
            raise signed(exc, cls.__name__, hidden) from exc.__cause__

    @classmethod
    def model_name(cls, model: str) -> str:
        return cls.get_model(model)


def _site(url: str) -> tuple[str, str]:
    try:
        parts = urlsplit(url)
    except ValueError:
        return "", url
    return parts.scheme, parts.netloc.lower()
