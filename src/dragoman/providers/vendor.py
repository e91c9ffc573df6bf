"""A vendor's own service: its URL and its key come from the environment, as the vendor's own tools read them."""

import os
import re
from collections.abc import Callable
from urllib.parse import urlsplit

from dragoman.engine.call import Service, fetch
from dragoman.engine.env import system_env
from dragoman.engine.secrets import signed
from dragoman.errors import ConfigurationError, DragomanError
from dragoman.providers.base import AsyncGeneratorProvider
from dragoman.transport.selector import Transports
from dragoman.types import HttpRequest, HttpResponse

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
    """The URL of `provider`, which may come from `variable`. Raises ConfigurationError if it is none."""
    if not provider.url.startswith(("http://", "https://")):
        raise ConfigurationError(f"{provider.__name__}: expected an http or https URL (`url`, or {variable})")
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
    return key


async def listed(
    provider: Provider,
    transports: Transports,
    request: Callable[[str, str | None], HttpRequest],
    decode: Callable[[HttpResponse], tuple[str, ...]],
) -> tuple[str, ...]:
    """The models that a service lists. `request` makes the question of its URL and its key. Raises what is wrong."""
    env, route = system_env(provider.key()), provider.route()
    hidden = provider.secrets(env.key, route)
    transport = transports.pick(provider.likeness())
    service = Service(provider.__name__, provider.codec(), transport, route, secrets=hidden)
    try:
        return decode(await fetch(service, request(provider.url, env.key), MAX_LIST))
    except DragomanError as exc:
        raise signed(exc, provider.__name__, hidden) from exc.__cause__


def _site(url: str) -> tuple[str, str]:
    try:
        parts = urlsplit(url)
    except ValueError:
        return "", url
    return parts.scheme, parts.netloc.lower()
