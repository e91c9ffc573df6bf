"""What the values of a conversation have in common."""

from msgspec import Struct


class Value(Struct, frozen=True, omit_defaults=True, repr_omit_defaults=True):
    """A value. What is not set is neither written as JSON nor printed: most fields are for few services."""
