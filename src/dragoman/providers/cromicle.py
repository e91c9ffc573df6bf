"""Cromicle: a chat site that takes one hashed text. Knows its host."""

from dragoman.protocols.base import ClientCodec
from dragoman.protocols.webchat.cromicle import TOKEN, CromicleClient, digest
from dragoman.providers.base import AsyncGeneratorProvider


class Cromicle(AsyncGeneratorProvider):
    """The conversation as one text with its hash; the answer is raw text."""

    generic = CromicleClient.name
    url = "https://cromicle.top"
    working = False
    supports_gpt_35_turbo = True

    @classmethod
    def codec(cls) -> ClientCodec:
        return CromicleClient(url=cls.url)


def _create_header() -> dict[str, str]:
    return {"accept": "*/*", "content-type": "application/json"}


def _create_payload(message: str) -> dict[str, str]:
    return {"message": message, "token": TOKEN, "hash": digest(message)}
