"""Which models a provider has, and their names."""

from collections.abc import Mapping, Sequence
from typing import ClassVar

from dragoman.error_words import nearest
from dragoman.errors import ModelNotFoundError


class ProviderModelMixin:
    """A default model, a list of models, and other names for them."""

    default_model: ClassVar[str] = ""
    models: ClassVar[Sequence[str]] = ()
    model_aliases: ClassVar[Mapping[str, str]] = {}

    @classmethod
    def get_models(cls) -> list[str]:
        """The models known by name; empty if the service takes any."""
        return list(cls.models) or ([cls.default_model] if cls.default_model else [])

    @classmethod
    def get_model(cls, model: str) -> str:
        """The service's own name of `model`; the default model if it is empty.

        Raises ModelNotFoundError that names the nearest.
        """
        if not model:
            return cls.default_model
        known = cls.get_models()
        name = cls.model_aliases.get(model, model)
        if known and name not in known and model not in cls.model_aliases:
            raise ModelNotFoundError(
                f"{cls.__name__} has no model {model!r}{nearest(model, [*known, *cls.model_aliases])}"
            )
        return name
