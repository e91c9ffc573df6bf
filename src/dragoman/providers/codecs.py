"""One codec for all calls of a service: it holds nothing of a call. Knows no vendor."""

from collections.abc import Callable, Hashable
from functools import lru_cache
from typing import Any, ParamSpec, TypeVar, cast

from dragoman.protocols.base import ClientCodec

P = ParamSpec("P")
C = TypeVar("C", bound=ClientCodec)

SERVICES = 1024
"""Codecs that are remembered: more than services are configured. URLs may change, so that there is a bound."""


def shared(make: Callable[P, C], *args: P.args, **options: P.kwargs) -> C:
    """The codec that `make` gives for these arguments."""
    return cast("C", _made(make, args, tuple(options.items())))


@lru_cache(SERVICES)
def _made(make: Callable[..., Any], args: tuple[Hashable, ...], options: tuple[tuple[str, Hashable], ...]) -> Any:
    return make(*args, **dict(options))
