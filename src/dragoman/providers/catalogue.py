"""All providers: each class of this package's modules, those that a module makes of a table and lists in `PROVIDERS`,
and those that other packages register.

A package adds its own through the entry point group `dragoman.providers`; no list is edited for one of ours.
"""

import importlib
import inspect
import pkgutil
from collections.abc import Iterator, Mapping
from functools import cache
from importlib.metadata import entry_points
from types import MappingProxyType

import dragoman.providers
from dragoman.errors import ConfigurationError
from dragoman.providers.base import AsyncGeneratorProvider

Provider = type[AsyncGeneratorProvider]


@cache  # to look through all installed packages takes longer than all else that a client needs
def catalogue() -> Mapping[str, Provider]:
    """The classes by their names in lower case, looked for once in a process.

    Raises ConfigurationError if a registered one cannot be loaded.
    """
    return MappingProxyType({provider.__name__.lower(): provider for provider in [*_own(), *_registered()]})


def look_again() -> None:
    """Lets the next `catalogue` find what was installed since the last one. A class that is loaded stays as it is."""
    importlib.invalidate_caches()
    catalogue.cache_clear()


def generic(providers: Mapping[str, Provider]) -> dict[str, str]:
    """Each dialect to the name of the class that serves an entry which names only a `protocol`.

    Raises ConfigurationError if two classes say that they do.
    """
    found: dict[str, str] = {}
    for name, provider in providers.items():
        dialect = vars(provider).get("generic")
        if dialect and found.setdefault(dialect, name) != name:
            raise ConfigurationError(f"the providers {found[dialect]!r} and {name!r} both are the one for {dialect!r}")
    return found


def _own() -> Iterator[Provider]:
    package = dragoman.providers
    for info in pkgutil.iter_modules(package.__path__, f"{package.__name__}."):
        module = importlib.import_module(info.name)
        yield from vars(module).get("PROVIDERS", ())
        for value in vars(module).values():
            if _is_provider(value) and value.__module__.startswith(info.name) and not _is_base(value):
                yield value


def _registered() -> Iterator[Provider]:
    for entry in entry_points(group="dragoman.providers"):
        try:
            provider = entry.load()
        except Exception as exc:  # code of others, which may be half installed: it ends neither a command nor a reload
            why = str(exc) or type(exc).__name__
            raise ConfigurationError(f"the provider {entry.name!r} ({entry.value}) cannot be loaded: {why}") from exc
        if not _is_provider(provider):
            raise ConfigurationError(f"the provider {entry.name!r} ({entry.value}) is no AsyncGeneratorProvider")
        yield provider


def _is_provider(value: object) -> bool:
    return isinstance(value, type) and issubclass(value, AsyncGeneratorProvider)


def _is_base(provider: Provider) -> bool:
    return provider is AsyncGeneratorProvider or inspect.isabstract(provider)
