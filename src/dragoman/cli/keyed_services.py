"""The services of the catalogue whose key is in the environment. Shows no key."""

from collections.abc import Mapping

from dragoman.errors import ConfigurationError
from dragoman.providers.catalogue import Provider


def keyed(providers: Mapping[str, Provider]) -> tuple[str, ...]:
    """The services whose key is in the environment. One that several share is shown to the first of them only."""
    found: dict[str, str] = {}
    for name, provider in providers.items():
        if _has_key(provider):
            found.setdefault(provider.key_variable, name)
    return tuple(found.values())


def _has_key(provider: Provider) -> bool:
    """Whether the environment has a key for it."""
    try:
        return provider.working and bool(provider.key_variable and provider.key())
    except ConfigurationError:
        return False
