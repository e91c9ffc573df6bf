"""Mine: a service on a protocol that is known. Knows where it is."""

from dragoman.protocols.base import ClientCodec
from dragoman.protocols.openai_chat import OpenAIChatClient
from dragoman.providers.base import AsyncGeneratorProvider


class Mine(AsyncGeneratorProvider):
    """A service of my own."""

    url = "http://127.0.0.1:9001/v1"

    @classmethod
    def codec(cls) -> ClientCodec:
        return OpenAIChatClient(cls.url)
