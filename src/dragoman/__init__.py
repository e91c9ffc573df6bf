"""One async interface to many chat protocols, a command, and a gateway."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dragoman import errors, types
    from dragoman.client import Client, SyncClient, attachment, function_tool

__version__ = "0.1.0"
__all__ = ["Client", "SyncClient", "__version__", "attachment", "errors", "function_tool", "types"]

_HOMES = dict.fromkeys(("Client", "SyncClient", "attachment", "function_tool"), "dragoman.client")


def __getattr__(name: str) -> Any:
    """Loads what is heavy when it is first used."""
    from importlib import import_module

    if name in _HOMES:
        return getattr(import_module(_HOMES[name]), name)
    if name in __all__:
        return import_module(f"{__name__}.{name}")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
