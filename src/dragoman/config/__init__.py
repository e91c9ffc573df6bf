"""The user's settings: TOML files, and the environment over them, as frozen values."""

from dragoman.config.keys import Key
from dragoman.config.load import NAME, load
from dragoman.config.routes import ModelConfig, RetryConfig, TargetConfig
from dragoman.config.tables import from_tables, verify
from dragoman.config.timeouts import TimeoutsConfig
from dragoman.config.values import (
    BrokenEnd,
    CliConfig,
    Config,
    EmptyAnswer,
    FrontConfig,
    GatewayConfig,
    ProfileConfig,
    ProviderConfig,
)

__all__ = [
    "NAME",
    "BrokenEnd",
    "CliConfig",
    "Config",
    "EmptyAnswer",
    "FrontConfig",
    "GatewayConfig",
    "Key",
    "ModelConfig",
    "ProfileConfig",
    "ProviderConfig",
    "RetryConfig",
    "TargetConfig",
    "TimeoutsConfig",
    "from_tables",
    "load",
    "verify",
]
