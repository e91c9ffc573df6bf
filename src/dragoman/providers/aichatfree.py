"""AIChatFree: a site built on GeminiProChat. Knows its host and its settings."""

from typing import TYPE_CHECKING, Any

from dragoman.protocols.base import ClientCodec
from dragoman.protocols.webchat.aichatfree import AIChatFreeClient
from dragoman.protocols.webchat.raw_text import BROKEN_MARK
from dragoman.protocols.webchat.signature import sign
from dragoman.providers.base import AsyncGeneratorProvider, AsyncResult
from dragoman.providers.models import ProviderModelMixin
from dragoman.providers.prompt import Messages

if TYPE_CHECKING:
    from aiohttp import BaseConnector


class AIChatFree(AsyncGeneratorProvider, ProviderModelMixin):
    """GeminiProChat's protocol: Gemini-style contents, signed with the time in milliseconds; the answer is raw text."""

    generic = AIChatFreeClient.name
    url = "https://aichatfree.info"
    working = False
    supports_stream = True
    supports_message_history = True
    default_model = "gemini-1.5-pro"
    broken_mark = BROKEN_MARK

    @classmethod
    def codec(cls) -> ClientCodec:
        return AIChatFreeClient(url=cls.url, secret=cls.secret, password=cls.password, broken_mark=cls.broken_mark)

    @classmethod
    def create_async_generator(
        cls,
        model: str,
        messages: Messages,
        proxy: str | None = None,
        connector: "BaseConnector | None" = None,
        **kwargs: Any,
    ) -> AsyncResult:
        """The answer's text, piece by piece; `connector`: aiohttp's, used for this call and left open."""
        return super().create_async_generator(model, messages, proxy, connector=connector, **kwargs)


def generate_signature(time: int, text: str, secret: str = "") -> str:
    """The lower-case hex SHA-256 of `time:text:secret`."""
    return sign(time, text, secret)
