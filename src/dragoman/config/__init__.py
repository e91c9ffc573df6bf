"""What the user has set: one TOML file, and over it the environment, as frozen values."""

from dragoman.config.load import load
from dragoman.config.values import (
    Config,
    FrontConfig,
    GatewayConfig,
    Key,
    LimitsConfig,
    ModelConfig,
    ProviderConfig,
)

__all__ = [
    "Config",
    "FrontConfig",
    "GatewayConfig",
    "Key",
    "LimitsConfig",
    "ModelConfig",
    "ProviderConfig",
    "load",
]
