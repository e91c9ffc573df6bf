"""OpenAI, and every service with one of its two protocols."""

from typing import ClassVar

from dragoman.errors import ConfigurationError
from dragoman.protocols.base import ClientCodec
from dragoman.protocols.openai_chat import USUAL, OpenAIChatClient, Variant
from dragoman.protocols.openai_chat.models import decode_facts, decode_models, models_request
from dragoman.protocols.openai_responses import OpenAIResponsesClient
from dragoman.providers.codecs import shared
from dragoman.providers.vendor import Home, Lister, ListingProvider, checked_url, own_key

OWN = Variant(
    max_tokens_field="max_completion_tokens",
    result_media=False,
    file_urls=False,
    web_search=False,
    cache_keys=True,
    effort_with_tools=False,
    cut_calls=True,
    breakpoints="prompt_cache_breakpoint",
    most_stops=4,
    json_word=True,
    refused_fields=("top_k",),
)
"""OpenAI itself. https://platform.openai.com/docs/api-reference/chat, seen 2026-11-26.

Web search: 400 from all models except those made for it, which search without being asked to.
cpbotha/obsidian-ai-chat-as-md#5, BerriAI/litellm#12311, seen 2026-11-28.

Stops: "Invalid 'stop': array too long. Expected an array with maximum length 4": 400. continuedev/continue#2461, seen
2026-11-28."""


class OpenAICompatible(ListingProvider):
    """Any service with `POST {url}/chat/completions`. Without `models` it takes any name."""

    generic = OpenAIChatClient.name
    lister = Lister(models_request, decode_models, decode_facts)
    supports_message_history = True
    completions: ClassVar[str] = ""
    """The path below the URL at which texts are completed, without a chat; empty: there is none, or it is not known."""

    @classmethod
    def codec(cls) -> ClientCodec:
        if not cls.url:
            raise ConfigurationError(
                "expected a `url`, for instance http://127.0.0.1:9001/v1, got none", provider=cls.__name__
            )
        return shared(OpenAIChatClient, cls.url, USUAL, cls.completions)


class ResponsesCompatible(OpenAICompatible):
    """Any service with `POST {url}/responses`. Without `models` it takes any name."""

    generic = OpenAIResponsesClient.name

    @classmethod
    def codec(cls) -> ClientCodec:
        if not cls.url:
            raise ConfigurationError(
                "expected a `url`, for instance http://127.0.0.1:9001/v1, got none", provider=cls.__name__
            )
        return shared(OpenAIResponsesClient, cls.url)


class OpenAI(OpenAICompatible):
    """OpenAI itself. The URL may also come from OPENAI_BASE_URL, the key from OPENAI_API_KEY."""

    url_variable: ClassVar[str] = "OPENAI_BASE_URL"
    key_variable: ClassVar[str] = "OPENAI_API_KEY"
    url = Home("OPENAI_BASE_URL", "https://api.openai.com/v1")
    supports_gpt_35_turbo = True
    cache_lifetime = 3600.0
    """Mostly five to ten minutes, and an hour at most, if no longer retention is asked for.
    https://platform.openai.com/docs/guides/prompt-caching, 2026-11"""

    @classmethod
    def codec(cls) -> ClientCodec:
        return shared(OpenAIChatClient, checked_url(cls, cls.url_variable), OWN, cls.completions)

    @classmethod
    def key(cls) -> str | None:
        return own_key(cls, cls.key_variable, cls._founder("key_variable").url)


class OpenAIResponses(OpenAI):
    """OpenAI itself, asked by its newer protocol. Nothing is stored there unless the caller asks for it."""

    @classmethod
    def codec(cls) -> ClientCodec:
        return shared(
            OpenAIResponsesClient,
            checked_url(cls, cls.url_variable),
            penalties=False,
            own_ids=True,
            breakpoints=True,
            json_word=True,
        )
