"""Values that fit a JSON Schema, always the same for the same schema. Knows no model and no protocol."""

from dragoman.providers.offline.forms.hints import MAX_READ, Hints
from dragoman.providers.offline.forms.told import schema_in
from dragoman.providers.offline.forms.values import NoValueError, fitting_value

__all__ = ["MAX_READ", "Hints", "NoValueError", "fitting_value", "schema_in"]
