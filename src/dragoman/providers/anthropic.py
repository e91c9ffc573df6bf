"""Anthropic, and every service that speaks its protocol."""

from typing import ClassVar

from dragoman.errors import ConfigurationError
from dragoman.protocols.anthropic import AnthropicClient
from dragoman.protocols.anthropic.models import decode_facts, decode_models, models_request
from dragoman.protocols.anthropic.request import FIRST_VERSION, MAX_TOKENS, X_API_KEY
from dragoman.protocols.base import ClientCodec
from dragoman.protocols.carrier import Carrier
from dragoman.providers.codecs import shared
from dragoman.providers.vendor import Home, Lister, ListingProvider, checked_url, own_key


class AnthropicCompatible(ListingProvider):
    """Any service with `POST {url}/v1/messages`. Without `models` it takes any name."""

    generic = AnthropicClient.name
    lister = Lister(models_request, decode_models, decode_facts)
    supports_message_history = True
    version: ClassVar[str] = FIRST_VERSION
    max_tokens: ClassVar[int] = MAX_TOKENS
    cache_lifetime = 300.0
    """Five minutes; if a request asks for an hour, its usage reports that.
    https://platform.claude.com/docs/en/build-with-claude/prompt-caching, 2026-11"""

    signed: ClassVar[bool] = False
    """Whether the service refuses thinking with an empty signature."""
    carrier: ClassVar[Carrier] = X_API_KEY
    """What holds the key."""
    body_version: ClassVar[str] = ""
    """See `Variant` of the protocol."""

    @classmethod
    def codec(cls) -> ClientCodec:
        return shared(
            AnthropicClient,
            cls.address(),
            version=cls.version,
            max_tokens=cls.max_tokens,
            signed=cls.signed,
            carrier=cls.carrier,
            body_version=cls.body_version,
        )

    @classmethod
    def address(cls) -> str:
        """The URL. Raises ConfigurationError if there is none."""
        if not cls.url:
            message = "expected a `url`, for instance http://127.0.0.1:9001, got none"
            raise ConfigurationError(message, provider=cls.__name__)
        return cls.url


class Anthropic(AnthropicCompatible):
    """Anthropic itself. The URL may also come from ANTHROPIC_BASE_URL, the key from ANTHROPIC_API_KEY."""

    url_variable: ClassVar[str] = "ANTHROPIC_BASE_URL"
    key_variable: ClassVar[str] = "ANTHROPIC_API_KEY"
    url = Home("ANTHROPIC_BASE_URL", "https://api.anthropic.com")

    signed = True

    @classmethod
    def address(cls) -> str:
        return checked_url(cls, cls.url_variable)

    @classmethod
    def key(cls) -> str | None:
        return own_key(cls, cls.key_variable, cls._founder("key_variable").url)
