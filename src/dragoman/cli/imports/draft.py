"""The configuration that an import writes: entries, routes and settings of the gateway, and their text."""

import json
import re
from collections.abc import Mapping

from dragoman.cli.imports.services import Service
from dragoman.config.keys import dotted

OTHER = re.compile(r"[\s/\x00-\x1f\x7f\ud800-\udfff]+")
"""What the name of a service may not have."""

RESERVED = "offline"
"""Models of this name are always there, so that no entry may have it."""


class Draft:
    """A configuration under way. Every value in it fits its setting."""

    def __init__(self) -> None:
        self.gateway: dict[str, object] = {}
        self.providers: dict[str, dict[str, object]] = {}
        self.routes: dict[str, list[str]] = {}

    def entry(self, name: str, service: Service, url: str = "") -> str:
        """Adds a service; the name that it got: `name`, if it may be one and is free."""
        plain = OTHER.sub("-", name).strip("-") or service.label
        free = (f"{plain}-{number}" if number else plain for number in range(len(self.providers) + 3) if number != 1)
        chosen = next(each for each in free if each not in self.providers and each != RESERVED)
        self.providers[chosen] = service.settings | ({"url": url} if url else {})
        return chosen

    def target(self, entry: str, model: str) -> str:
        """The name of a model at an entry. If the entry lists its models, this one is in the list from now on."""
        listed = self.providers[entry].get("models")
        if isinstance(listed, list) and model not in listed:
            listed.append(model)
        return f"{entry}/{model}"

    def route(self, name: str, targets: list[str]) -> None:
        """A route to `targets`, each of them once."""
        self.routes[name] = list(dict.fromkeys(targets))

    def text(self, title: str) -> str:
        """The file. `title`: the program whose configuration this was."""
        parts = [f"# Made from a configuration of {title} by `dragoman import`.\n"]
        if self.gateway:
            parts.append(_table(("gateway",), self.gateway))
        parts += [_table(("providers", name), entry) for name, entry in self.providers.items()]
        parts += [_table(("models", name), {"targets": targets}) for name, targets in self.routes.items()]
        return "\n".join(parts)


def _table(keys: tuple[str, ...], values: Mapping[str, object]) -> str:
    lines = [f"{name} = {_value(value)}" for name, value in values.items() if value not in ([], {})]
    return "\n".join([f"[{dotted(keys)}]", *lines, ""])


def _value(value: object) -> str:
    match value:
        case dict():
            return f"{{ {', '.join(f'{dotted((name,))} = {_value(inner)}' for name, inner in value.items())} }}"
        case list():
            return f"[{', '.join(map(_value, value))}]"
        case str():
            # JSON's escapes are TOML's, except that TOML wants one for DEL too.
            return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
        case bool():
            return str(value).lower()
        case _:
            return str(value)
