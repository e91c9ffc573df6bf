"""OpenAI, and every service with the same chat protocol."""

import os
import re
from typing import ClassVar
from urllib.parse import urlsplit

from dragoman.engine.call import Service, fetch
from dragoman.engine.env import system_env
from dragoman.engine.secrets import signed
from dragoman.errors import ConfigurationError, DragomanError
from dragoman.protocols.base import ClientCodec
from dragoman.protocols.openai_chat import OpenAIChatClient
from dragoman.protocols.openai_chat.models import decode_models, models_request
from dragoman.providers.base import AsyncGeneratorProvider
from dragoman.providers.models import ProviderModelMixin
from dragoman.transport.selector import Transports

MAX_LIST = 8 << 20
"""Bytes of a list of models: OpenRouter's, with a description of each, has one million."""

SENDABLE = re.compile(r"[!-~]+")
"""What a header's value may hold: a line break, which `echo` writes after a key, would begin another header."""


class OpenAICompatible(AsyncGeneratorProvider, ProviderModelMixin):
    """Any service with `POST {url}/chat/completions`. Without `models` it takes any name."""

    generic = OpenAIChatClient.name
    supports_message_history = True

    @classmethod
    def codec(cls) -> ClientCodec:
        if not cls.url:
            raise ConfigurationError(f"{cls.__name__} needs a `url`, for instance http://127.0.0.1:9001/v1")
        return OpenAIChatClient(cls.url)

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
            return decode_models(await fetch(service, models_request(cls.url, env.key), MAX_LIST))
        except DragomanError as exc:
            raise signed(exc, cls.__name__, hidden) from exc.__cause__

    @classmethod
    def model_name(cls, model: str) -> str:
        return cls.get_model(model)


class OpenAIHome:
    """OpenAI's URL for this user: the one in OPENAI_BASE_URL, if it is set, as in OpenAI's own tools."""

    variable = "OPENAI_BASE_URL"
    url = "https://api.openai.com/v1"

    def __get__(self, instance: object, owner: type) -> str:
        return os.environ.get(self.variable) or self.url


class OpenAI(OpenAICompatible):
    """OpenAI itself. The key is `api_key`, or the variable OPENAI_API_KEY.

    The variable's key goes to no other host than that of the class: another `url` needs an `api_key` of its own.
    """

    url = OpenAIHome()
    supports_gpt_35_turbo = True
    key_variable: ClassVar[str] = "OPENAI_API_KEY"

    @classmethod
    def codec(cls) -> ClientCodec:
        if not cls.url.startswith(("http://", "https://")):
            raise ConfigurationError(f"{cls.__name__}: expected an http or https URL (`url`, or {OpenAIHome.variable})")
        return OpenAIChatClient(cls.url, max_tokens_field="max_completion_tokens", top_k=False, file_urls=False)

    @classmethod
    def key(cls) -> str | None:
        if cls.api_key is not None or _site(cls.url) != _site(cls._founder("key_variable").url):
            return cls.api_key
        key = os.environ.get(cls.key_variable)
        if key and not SENDABLE.fullmatch(key):
            raise ConfigurationError(f"{cls.key_variable}: expected visible ASCII characters, got a key with others")
        return key


def _site(url: str) -> tuple[str, str]:
    try:
        parts = urlsplit(url)
    except ValueError:
        return "", url
    return parts.scheme, parts.netloc.lower()
