"""What vendors' services have in common: the URL and the key of a user's environment, and a list of models."""

import os
import re
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import ClassVar
from urllib.parse import urlsplit

from msgspec import Struct

from dragoman.config.faults import IN_QUOTES
from dragoman.engine.secrets import signed
from dragoman.engine.service import fetch
from dragoman.errors import ConfigurationError, DragomanError
from dragoman.protocols.base import ClientCodec
from dragoman.providers.base import AsyncGeneratorProvider
from dragoman.providers.models import ProviderModelMixin
from dragoman.transport.selector import Transports
from dragoman.types import HttpRequest, HttpResponse, ModelFacts

MAX_LIST = 8 << 20
"""Bytes of a list of models: OpenRouter's, with a description of each, has one million."""

SENDABLE = re.compile(r"[!-~]+")
"""What a header's value may hold: a line break, which `echo` writes after a key, would begin another header."""

Provider = type[AsyncGeneratorProvider]


class Home:
    """A vendor's URL for this user: the one in the environment variable, if it is set."""

    def __init__(self, variable: str, url: str) -> None:
        self.variable = variable
        self.url = url

    def __get__(self, instance: object, owner: type) -> str:
        return os.environ.get(self.variable) or self.url


def checked_url(provider: Provider, variable: str) -> str:
    """The URL of `provider`, which may come from `variable`. Raises ConfigurationError if it is no URL."""
    if _site(provider.url)[0] not in {"http", "https"}:
        raise ConfigurationError(f"expected an http or https URL (`url`, or {variable})", provider=provider.__name__)
    return provider.url


def own_key(provider: Provider, variable: str, home: str) -> str | None:
    """The key: `api_key`, or that in the environment `variable`. Raises ConfigurationError.

    The variable's key goes to no other host than that of `home`: another `url` needs an `api_key` of its own.
    """
    if provider.api_key is not None or _site(provider.url) != _site(home):
        return provider.api_key
    key = os.environ.get(variable)
    if key and not SENDABLE.fullmatch(key):
        raise ConfigurationError(f"{variable}: expected visible ASCII characters, got a key with others")
    if key and re.match(IN_QUOTES, key):
        raise ConfigurationError(f"{variable}: expected a key, got one in quotes")
    return key


class Lister(Struct, frozen=True):
    """How a service lists its models."""

    request: Callable[[str, str | None], HttpRequest]
    """The question, of the service's URL and its key."""
    decode: Callable[[HttpResponse], tuple[str, ...]]
    """The names in its reply. Raises what is wrong with it."""
    facts: Callable[[HttpResponse], dict[str, ModelFacts]] | None = None
    """What the reply says of the models, by name; None: the protocol's list says nothing."""


class ListingProvider(AsyncGeneratorProvider, ProviderModelMixin, ABC):
    """A service that lists its models. Without `models` it takes any name."""

    lister: ClassVar[Lister]

    @classmethod
    @abstractmethod
    def codec(cls) -> ClientCodec: ...

    @classmethod
    def get_models(cls) -> list[str]:
        return list(cls.models)

    @classmethod
    def lists_models(cls) -> bool:
        return not cls.models

    @classmethod
    async def fetch_models(cls, transports: Transports) -> tuple[str, ...]:
        return tuple(await cls.fetch_list(transports))

    @classmethod
    async def fetch_list(cls, transports: Transports) -> dict[str, ModelFacts]:
        env, service = cls._asked("", transports)
        try:
            reply = await fetch(service, cls.lister.request(cls.url, env.key), MAX_LIST)
            names = cls.lister.decode(reply)
            facts = cls.lister.facts(reply) if cls.lister.facts is not None else {}
            return {name: facts.get(name, ModelFacts()) for name in names}
        except DragomanError as exc:
            raise signed(exc, service.name, service.secrets) from exc.__cause__

    @classmethod
    def model_name(cls, model: str) -> str:
        return cls.get_model(model)

    @classmethod
    def keyless(cls) -> str:
        own = cls.key_variable and _site(cls.url) == _site(cls._founder("key_variable").url)
        return f"No key was sent: set {f'{cls.key_variable}, or ' if own else ''}`api_key` of its entry."


def _site(url: str) -> tuple[str, str]:
    try:
        parts = urlsplit(url)
    except ValueError:
        return "", url
    return parts.scheme, parts.netloc.lower()
