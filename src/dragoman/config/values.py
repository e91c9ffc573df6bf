"""A configuration as frozen values. Knows no file and no environment, and shows no secret."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

import msgspec
from msgspec import UNSET, Struct, UnsetType, field

Key = str | int
Keys = tuple[Key, ...]
"""The way to a setting: names of tables and keys, then, in a list, the place counted from 0."""

SECRET = frozenset({"api_key", "api_keys", "secret", "password", "proxy"})
"""Fields whose values are shown nowhere. A proxy's URL may carry a password."""
MAX_BODY = 32 << 20
"""Bytes of a caller's request: 32 MiB carry a few pictures, and are what OpenAI and Anthropic accept at the least."""

MAX_WORKERS = 256
"""Processes of one gateway: as many as the largest machines have cores; a slip of the finger is no thousand of them."""


class Discreet(Struct, frozen=True):
    """A struct that shows `…` for a secret that is set."""

    def __repr__(self) -> str:
        return f"{type(self).__name__}({', '.join(f'{name}={value!r}' for name, value in self.__rich_repr__())})"

    def __rich_repr__(self) -> list[tuple[str, Any]]:
        said = msgspec.structs.asdict(self)
        said.pop("origins", None)
        return [(name, "…" if name in SECRET and value else value) for name, value in said.items()]


class GatewayConfig(Discreet, frozen=True, kw_only=True):
    """How our own server listens. `api_keys`: what callers may show, empty: none is asked; `max_body` in bytes.

    `default_model`: for callers whose protocol names no model. `allowed_hosts`: the names that a request may be for,
    empty: the server's own judgement. `request_log`: a file that gets a line for each request; `-` is standard output,
    None: no log.
    """

    host: str = "127.0.0.1"
    port: int = 8642
    default_model: str | None = None
    api_keys: tuple[str, ...] = ()
    allowed_hosts: tuple[str, ...] = ()
    max_body: int = MAX_BODY
    workers: int = 1
    request_log: str | None = None


class LimitsConfig(Struct, frozen=True, kw_only=True):
    """The longest waits for a service, in seconds. UNSET: not said; None: no limit, written `inf`."""

    pool: float | UnsetType | None = UNSET
    connect: float | UnsetType | None = UNSET
    tls: float | UnsetType | None = UNSET
    proxy: float | UnsetType | None = UNSET
    first_byte: float | UnsetType | None = UNSET
    idle: float | UnsetType | None = UNSET
    total: float | UnsetType | None = UNSET

    def said(self) -> dict[str, float | None]:
        """The limits that were set, by name."""
        return {name: value for name, value in msgspec.structs.asdict(self).items() if value is not UNSET}


class ProviderConfig(Discreet, frozen=True, kw_only=True):
    """A service, or a class of the catalogue with some attributes overridden. None: not said, the class decides.

    At most one of `type` and `protocol` is set. `secret` and `password` may be said and empty. `broken_mark`: UNSET is
    not said, None is switched off (written as empty text). `ca_file` is relative to the working directory.
    """

    type: str | None = None
    protocol: str | None = None
    url: str | None = None
    api_key: str | None = None
    secret: str | None = None
    password: str | None = None
    proxy: str | None = None
    ca_file: str | None = None
    impersonate: str | UnsetType | None = UNSET
    default_model: str | None = None
    models: tuple[str, ...] | None = None
    model_aliases: dict[str, str] | None = None
    broken_mark: str | UnsetType | None = UNSET
    strict: bool | None = None
    limits: LimitsConfig = LimitsConfig()


class ModelConfig(Struct, frozen=True, kw_only=True):
    """A route: the services' models behind one name, never none of them."""

    targets: tuple[str, ...]
    strategy: Literal["fallback"] = "fallback"


class FrontConfig(Discreet, frozen=True, kw_only=True):
    """What our server half of a web-chat protocol asks of its callers; None: not said.

    `password` may list several, with commas.
    """

    secret: str | None = None
    password: str | None = None
    model: str | None = None


class Config(Discreet, frozen=True, kw_only=True):
    """Everything that is set. `files`: those it came from, the nearest first.

    `origins` says where each setting stands, as `FILE:LINE` or the name of a variable.
    """

    gateway: GatewayConfig = GatewayConfig()
    providers: dict[str, ProviderConfig] = field(default_factory=dict)
    models: dict[str, ModelConfig] = field(default_factory=dict)
    fronts: dict[str, FrontConfig] = field(default_factory=dict)
    files: tuple[Path, ...] = ()
    origins: dict[Keys, str] = field(default_factory=dict)

    @property
    def path(self) -> Path | None:
        """The nearest file; None where there was none."""
        return self.files[0] if self.files else None

    def where(self, *keys: Key) -> str:
        """`dragoman.toml:12: providers.home.type`: the start of an error about that setting."""
        return ": ".join(part for part in (origin(self.origins, keys), dotted(keys)) if part)


def origin(origins: Mapping[Keys, str], keys: Keys) -> str:
    """The nearest known place of `keys`; empty where none is known."""
    return next((origins[keys[:size]] for size in range(len(keys), -1, -1) if keys[:size] in origins), "")


def dotted(keys: Keys) -> str:
    """`models."gpt-4.1".targets[0]`, as TOML spells it."""
    spelt = "".join(f"[{key}]" if isinstance(key, int) else f".{_bare(key)}" for key in keys)
    return spelt.removeprefix(".")


def _bare(key: str) -> str:
    plain = key.replace("-", "").replace("_", "")
    return key if plain.isascii() and plain.isalnum() else msgspec.json.encode(key).decode()
