"""What the services of clouds have in common: an address that is made of a user's resource, region or project."""

import os
from collections.abc import Callable
from typing import ClassVar
from urllib.parse import urlsplit

from msgspec import Struct

from dragoman.errors import ConfigurationError
from dragoman.providers.vendor import ListingProvider, checked_url, own_key


class Way(Struct, frozen=True):
    """One way to make an address of variables of the environment; it is taken if all of them are set."""

    variables: tuple[str, ...]
    address: Callable[..., str]
    """The address, from the values of the variables."""


class Place:
    """A service's URL for this user, by the first way whose variables are set; empty if there is none."""

    def __init__(self, *ways: Way) -> None:
        self.ways = ways

    def __get__(self, instance: object, owner: type) -> str:
        for way in self.ways:
            values = [os.environ.get(name) for name in way.variables]
            if all(values):
                return way.address(*values)
        return ""

    @property
    def variables(self) -> tuple[str, ...]:
        """All variables that are read, each once."""
        return tuple(dict.fromkeys(name for way in self.ways for name in way.variables))


class CloudProvider(ListingProvider):
    """A service whose address depends on its user. The variable's key goes nowhere else."""

    ways: ClassVar[tuple[Way, ...]]
    """How the URL is made, if none is set."""
    example: ClassVar[str]
    """How a `url` looks."""
    hosts: ClassVar[tuple[str, ...]]
    """How the names of the cloud's own hosts end."""
    part: ClassVar[str]
    """What a `url` at one of these has; without it there is nothing at the address of a request."""

    @classmethod
    def address(cls) -> str:
        """The URL. Raises ConfigurationError if there is none."""
        said = " or ".join(" and ".join(way.variables) for way in cls.ways if way.variables)
        if not cls.url:
            raise ConfigurationError(
                f"expected {said}, or a `url` as {cls.example}, got neither", provider=cls.__name__
            )
        url = checked_url(cls, said)
        parts = urlsplit(url)
        if (parts.hostname or "").endswith(cls.hosts) and cls.part not in parts.path:
            message = f"expected a `url` as {cls.example}, got one without {cls.part}"
            raise ConfigurationError(message, provider=cls.__name__)
        return url

    @classmethod
    def key(cls) -> str | None:
        home = cls._founder("key_variable").url
        return own_key(cls, cls.key_variable, home) if cls.url and cls.key_variable else cls.api_key


class Unlisted(CloudProvider):
    """A service of a cloud that has no list of models in the form of its protocol."""

    @classmethod
    def lists_models(cls) -> bool:
        return False
