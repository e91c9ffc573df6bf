"""Aibn: a site built on chatgpt-demo. Knows its host and its settings."""

from typing import Any

from dragoman.protocols.base import ClientCodec
from dragoman.protocols.webchat.aibn import AibnClient
from dragoman.protocols.webchat.raw_text import BROKEN_MARK
from dragoman.protocols.webchat.signature import sign
from dragoman.providers.base import AsyncGeneratorProvider, AsyncResult
from dragoman.providers.prompt import Messages


class Aibn(AsyncGeneratorProvider):
    """chatgpt-demo's protocol: OpenAI-style messages, signed with the time in seconds; the answer is raw text.

    Today's chatgpt-demo needs `secret = ""` if its owner has set none; up to 2023-04-26 that was "undefined".
    """

    generic = AibnClient.name
    url = "https://aibn.cc"
    working = False
    supports_message_history = True
    supports_gpt_35_turbo = True
    impersonate = "chrome107"
    secret = "undefined"  # noqa: S105  # the site's public default
    public = frozenset({"undefined"})
    broken_mark = BROKEN_MARK

    @classmethod
    def codec(cls) -> ClientCodec:
        return AibnClient(url=cls.url, secret=cls.secret, password=cls.password, broken_mark=cls.broken_mark)

    @classmethod
    def create_async_generator(
        cls, model: str, messages: Messages, proxy: str | None = None, timeout: float = 120, **kwargs: Any
    ) -> AsyncResult:
        """The answer's text, piece by piece; `timeout`: seconds of silence, until the first byte and between bytes."""
        return super().create_async_generator(model, messages, proxy, timeout=timeout, **kwargs)


def generate_signature(timestamp: int, message: str, secret: str = "undefined") -> str:  # noqa: S107  # public default
    """The lower-case hex SHA-256 of `timestamp:message:secret`."""
    return sign(timestamp, message, secret)
