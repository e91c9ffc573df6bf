"""What a single call of `create_async_generator` may set, instead of a class. Knows no class."""

from math import isfinite
from types import UnionType
from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from dragoman.errors import InvalidRequestError
from dragoman.transport.base import Timeouts, Transport

if TYPE_CHECKING:
    from aiohttp import BaseConnector, ClientSession

SETTINGS: dict[str, type | UnionType] = {
    "url": str,
    "api_key": str | None,
    "secret": str,
    "password": str | None,
    "impersonate": str | None,
    "broken_mark": str | None,
    "timeouts": Timeouts,
    "ca_file": str | None,
    "strict": bool,
    "prompt_tools": bool,
    "empty_answer": str,
    "max_answer": int,
    "cache_lifetime": int,
}
"""Attributes by name, and what each may hold. None means not set, except for those that may hold it."""


def taken(kwargs: dict[str, Any]) -> dict[str, Any]:
    """The settings among `kwargs`, taken out of them. Raises InvalidRequestError, which shows no value."""
    said = {name: kwargs.pop(name) for name in SETTINGS.keys() & kwargs.keys()}
    for name, value in said.items():
        if not isinstance(value, SETTINGS[name] | None):
            raise wrong_argument(name, _spelt(SETTINGS[name]), value)
    return {name: value for name, value in said.items() if value is not None or isinstance(None, SETTINGS[name])}


def seconds(value: object) -> float | None:
    """A timeout; None if it was not set. Raises InvalidRequestError."""
    if value is None:
        return None
    if isinstance(value, int | float) and not isinstance(value, bool) and isfinite(value) and value > 0:
        return float(value)
    raise wrong_argument("timeout", "a finite number of seconds above 0", value)


def silence(timeouts: Timeouts, allowed: float) -> Timeouts:
    """`timeouts` with so many seconds of silence, until the first byte and between bytes.

    Who allows a longer silence allows it before the first content too.
    """
    first_token = None if timeouts.first_token is None else max(timeouts.first_token, allowed)
    return replace(timeouts, first_byte=allowed, idle=allowed, first_token=first_token)


def given_transport(session: "ClientSession | None", connector: "BaseConnector | None") -> Transport | None:
    """What sends by a caller's own session or connector; None if neither is given."""
    if session is None and connector is None:
        return None
    from dragoman.transport.aiohttp import AiohttpTransport

    return AiohttpTransport(session=session, connector=connector)


def proxy_url(value: object) -> str | None:
    """A proxy's URL; None if it was not set. Raises InvalidRequestError."""
    if value is None or isinstance(value, str):
        return value
    raise wrong_argument("proxy", "a URL", value)


def model_name(value: object) -> str:
    """A model's name; empty if it was not set. Raises InvalidRequestError."""
    if value is None or isinstance(value, str):
        return value or ""
    raise wrong_argument("model", "a string", value)


def wrong_argument(name: str, expected: str, value: object) -> InvalidRequestError:
    """The error for an argument; its message names only the type."""
    return InvalidRequestError(f"{name}: expected {expected}, got {type(value).__name__}")


def _spelt(kind: type | UnionType) -> str:
    return kind.__name__ if isinstance(kind, type) else str(kind)
