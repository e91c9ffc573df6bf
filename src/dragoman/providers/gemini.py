"""Google's Gemini API, and every service with the same protocol."""

from typing import ClassVar

from dragoman.errors import ConfigurationError
from dragoman.protocols.base import ClientCodec
from dragoman.protocols.gemini import GeminiClient
from dragoman.protocols.gemini.models import decode_facts, decode_models, models_request
from dragoman.providers.codecs import shared
from dragoman.providers.vendor import Home, Lister, ListingProvider, checked_url, own_key


class GeminiCompatible(ListingProvider):
    """Any service with `POST {url}/v1beta/models/M:generateContent`. Without `models` it takes any name."""

    generic = GeminiClient.name
    lister = Lister(models_request, decode_models, decode_facts)
    supports_message_history = True
    enterprise: ClassVar[bool] = False
    """Whether the service takes labels, and names of files, as Vertex AI does; the Gemini API answers 400 to both."""

    @classmethod
    def codec(cls) -> ClientCodec:
        if not cls.url:
            raise ConfigurationError(
                "expected a `url`, for instance http://127.0.0.1:9001, got none", provider=cls.__name__
            )
        return shared(GeminiClient, cls.url, enterprise=cls.enterprise)


class Gemini(GeminiCompatible):
    """Google's Gemini API. The URL may also come from GOOGLE_GEMINI_BASE_URL, the key from GEMINI_API_KEY."""

    url_variable: ClassVar[str] = "GOOGLE_GEMINI_BASE_URL"
    key_variable: ClassVar[str] = "GEMINI_API_KEY"
    url = Home("GOOGLE_GEMINI_BASE_URL", "https://generativelanguage.googleapis.com")

    @classmethod
    def codec(cls) -> ClientCodec:
        return shared(GeminiClient, checked_url(cls, cls.url_variable), enterprise=cls.enterprise)

    @classmethod
    def key(cls) -> str | None:
        return own_key(cls, cls.key_variable, cls._founder("key_variable").url)
