"""A class of the catalogue from a row of a table."""

from typing import ClassVar

from dragoman.errors import ConfigurationError
from dragoman.protocols.base import ClientCodec
from dragoman.protocols.openai_chat import OpenAIChatClient, Variant
from dragoman.providers.codecs import shared
from dragoman.providers.openai import OpenAICompatible
from dragoman.providers.openai_services.row import ServiceRow
from dragoman.providers.vendor import own_key


class OpenAIService(OpenAICompatible):
    """A service that the table has. The variable's key goes to no other host than that of the row."""

    row: ClassVar[ServiceRow]
    variant: ClassVar[Variant]

    @classmethod
    def codec(cls) -> ClientCodec:
        if not cls.url:
            raise ConfigurationError(
                f"expected a `url`, or none for {cls.row.url}, got an empty one", provider=cls.__name__
            )
        return shared(OpenAIChatClient, cls.url, cls.variant, cls.completions)

    @classmethod
    def key(cls) -> str | None:
        return own_key(cls, cls.row.key_variable, cls.row.url) if cls.row.key_variable else cls.api_key


def provider_of(row: ServiceRow) -> type[OpenAIService]:
    """The class that calls the service of `row`."""
    attributes = {
        "__module__": __name__.rpartition(".")[0],
        "__doc__": f"{row.title}, {row.url}" + (f" (gone {row.gone})" if row.gone else ""),
        "row": row,
        "variant": row.variant,
        "completions": row.completions,
        "url": row.url,
        "key_variable": row.key_variable,
        "working": not row.gone,
    }
    return type(row.name, (OpenAIService,), attributes)
