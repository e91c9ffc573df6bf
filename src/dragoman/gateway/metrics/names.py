"""The values that labels may have. They are bounded, because callers must not be able to make series."""

from collections.abc import Container

from dragoman.config import Config

OTHER = "other"
"""In place of a name that a caller made up, or of one too many."""

DIRECT = "direct"
"""In place of a route, if the caller has named a model at a service."""

MAX_CODES = 200
"""Codes of errors: the tree has some fifty, and some come from the protocols."""


class Names:
    """The names of a configuration. `fronts`: the protocols of all fronts."""

    def __init__(self, config: Config, services: Container[str]) -> None:
        self._routes = frozenset(config.models)
        self._services = services
        said = [target.model for route in config.models.values() for target in route.entries()]
        for name, entry in config.providers.items():
            models = (*(entry.models or ()), *(entry.model_aliases or {}), *filter(None, [entry.default_model]))
            said += [f"{name}/{model}" for model in models]
        if config.gateway.default_model is not None:
            said.append(config.gateway.default_model)
        self._targets = frozenset(said) - self._routes
        self._codes: set[str] = set()

    def route(self, model: str) -> str:
        """The route of a request for `model`; empty if none was named."""
        if model in self._routes or not model:
            return model
        return DIRECT if model.partition("/")[0] in self._services else OTHER

    def target(self, name: str) -> str:
        """A target: its service is one of ours, but its model may be any word of a caller."""
        service = name.partition("/")[0]
        return name if name in self._targets or not name else f"{service}/{OTHER}"

    def code(self, code: str) -> str:
        """The code of an error."""
        if code not in self._codes:
            if len(self._codes) >= MAX_CODES:
                return OTHER
            self._codes.add(code)
        return code
