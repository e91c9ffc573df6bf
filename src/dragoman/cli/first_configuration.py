"""A first configuration: the services whose keys are in the environment, and the servers on this machine, as TOML."""

import re
import tomllib
from collections.abc import Mapping, Sequence

import msgspec
from msgspec import Struct

from dragoman.client.local_servers import FoundServer
from dragoman.providers.catalogue import Provider
from dragoman.providers.models import ProviderModelMixin

OTHER = re.compile(
    r"embed|whisper|tts|audio|speech|voice|image|imagen|dall-e|veo|sora|video|moderation|rerank|guard|realtime|"
    r"transcribe|davinci|babbage|bge-|aqa|ocr|search|turbo-instruct",
    re.IGNORECASE,
)
"""Models that do not chat, by words in their names: lists do not say what a model is for."""

HEAD = """\
# Written by `dragoman init`. `dragoman doctor` tries it; all settings: docs/configuration.md.
"""


class Draft(Struct, frozen=True):
    """A configuration. `names`: its services, in their order."""

    toml: str
    names: tuple[str, ...]


class KeyedService(Struct, frozen=True):
    """A service whose key is in the environment, and the models that it lists."""

    name: str
    provider: Provider
    models: tuple[str, ...]


def draft(keyed: Sequence[KeyedService], servers: Sequence[FoundServer], catalogue: Mapping[str, Provider]) -> Draft:
    """The lines for all of them; the first with a known model answers if no model is named."""
    tables: list[str] = []
    defaults: dict[str, str] = {}
    for service in keyed:
        lines = [f"# The key is read from {service.provider.key_variable}.", f"[providers.{service.name}]"]
        defaults[service.name] = first_chat_model(service.models, _own_default(service.provider))
        tables.append("\n".join([*lines, *_default(defaults[service.name])]))
    for server in servers:
        entry = server.entry(defaults, catalogue)
        (name,) = tomllib.loads(entry)["providers"]
        defaults[name] = first_chat_model(server.models, "")
        tables.append("\n".join([f"# {server.title}, on this machine.", entry, *_default(defaults[name])]))
    named = next((f"{name}/{model}" for name, model in defaults.items() if model), "")
    gateway = ["\n".join(["[gateway]", *_default(named)])] if named else []
    return Draft("\n\n".join([HEAD.rstrip("\n"), *gateway, *tables]) + "\n", tuple(defaults))


def first_chat_model(models: Sequence[str], default: str) -> str:
    """The default, else the first model that chats as far as its name says; empty if there is none."""
    return default or next((model for model in models if not OTHER.search(model)), "")


def below(models: Sequence[str], name: str) -> tuple[str, ...]:
    """Those of `models` that are a service's, by its own names for them."""
    return tuple(model.removeprefix(f"{name}/") for model in models if model.startswith(f"{name}/"))


def _own_default(provider: Provider) -> str:
    return provider.default_model if issubclass(provider, ProviderModelMixin) else ""


def _default(model: str) -> list[str]:
    return [f"default_model = {msgspec.json.encode(model).decode()}"] if model else []
