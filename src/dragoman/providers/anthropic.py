"""Anthropic, and every service that speaks its protocol."""

from typing import ClassVar

from dragoman.errors import ConfigurationError
from dragoman.protocols.anthropic import AnthropicClient
from dragoman.protocols.anthropic.models import decode_models, models_request
from dragoman.protocols.anthropic.request import FIRST_VERSION, MAX_TOKENS
from dragoman.protocols.base import ClientCodec
from dragoman.providers.base import AsyncGeneratorProvider
from dragoman.providers.models import ProviderModelMixin
from dragoman.providers.vendor import Home, checked_url, listed, own_key
from dragoman.transport.selector import Transports


class AnthropicCompatible(AsyncGeneratorProvider, ProviderModelMixin):
    """Any service with `POST {url}/v1/messages`. Without `models` it takes any name."""

    generic = AnthropicClient.name
    supports_message_history = True
    version: ClassVar[str] = FIRST_VERSION
    max_tokens: ClassVar[int] = MAX_TOKENS

    @classmethod
    def codec(cls) -> ClientCodec:
        if not cls.url:
            raise ConfigurationError(f"{cls.__name__} needs a `url`, for instance http://127.0.0.1:9001")
        return AnthropicClient(cls.url, version=cls.version, max_tokens=cls.max_tokens)

    @classmethod
    def get_models(cls) -> list[str]:
        return list(cls.models)

    @classmethod
    def lists_models(cls) -> bool:
        return not cls.models

    @classmethod
    async def fetch_models(cls, transports: Transports) -> tuple[str, ...]:
        return await listed(cls, transports, models_request, decode_models)

    @classmethod
    def model_name(cls, model: str) -> str:
        return cls.get_model(model)


class Anthropic(AnthropicCompatible):
    """Anthropic itself. The URL may also come from ANTHROPIC_BASE_URL, the key from ANTHROPIC_API_KEY."""

    url_variable: ClassVar[str] = "ANTHROPIC_BASE_URL"
    key_variable: ClassVar[str] = "ANTHROPIC_API_KEY"
    url = Home("ANTHROPIC_BASE_URL", "https://api.anthropic.com")

    @classmethod
    def codec(cls) -> ClientCodec:
        return AnthropicClient(checked_url(cls, cls.url_variable), version=cls.version, max_tokens=cls.max_tokens)

    @classmethod
    def key(cls) -> str | None:
        return own_key(cls, cls.key_variable, cls._founder("key_variable").url)
