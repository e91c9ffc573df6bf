"""What the user has set: one TOML file, and over it the environment, as frozen values."""

from dragoman.config.load import NAME, load
from dragoman.config.tables import from_tables, verify
from dragoman.config.values import (
    BrokenEnd,
    Config,
    EmptyAnswer,
    FrontConfig,
    GatewayConfig,
    Key,
    ModelConfig,
    ProfileConfig,
    ProviderConfig,
    TimeoutsConfig,
)

__all__ = [
    "NAME",
    "BrokenEnd",
    "Config",
    "EmptyAnswer",
    "FrontConfig",
    "GatewayConfig",
    "Key",
    "ModelConfig",
    "ProfileConfig",
    "ProviderConfig",
    "TimeoutsConfig",
    "from_tables",
    "load",
    "verify",
]
