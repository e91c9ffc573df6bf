"""What a target takes of JSON Schema, in the parameters of tools and for the form of an answer. Knows no vendor."""

from typing import Literal

from msgspec import Struct

SchemaLimit = Literal[
    "single-type",
    "string-enums",
    "lone-any-of",
    "no-booleans",
    "plain-root",
    "plain-names",
    "array-items",
    "old-drafts",
    "declared-required",
    "references",
    "open-objects",
    "plain-patterns",
]
"""A form that a target refuses although it takes the keyword:

    single-type        a list of types
    string-enums       values of `enum` that are no strings, or empty
    lone-any-of        anything beside `anyOf`
    no-booleans        true or false in place of a schema
    plain-root         anything but a plain object at the top: `anyOf`, `oneOf`, `allOf`, `enum`, `const`, `not`, `$ref`
    plain-names        a property at the top whose name is not of at most 64 letters, digits and `_.-`
    array-items        an array without `items`
    old-drafts         what the draft of 2020-12 has in another form, or not at all: a list in `items`, true in
                       `exclusiveMinimum`, a type `str`
    declared-required  a required property that `properties` does not have
    references         `$ref` and the like
    open-objects       an object with properties that may have others
    plain-patterns     a regular expression that Python's `re` cannot read, as JavaScript's `\\p{L}`
"""


class SchemaSupport(Struct, frozen=True, kw_only=True):
    """What a target takes. The default: everything."""

    keywords: frozenset[str] | None = None
    """The only keywords; None: any. With `nullable`, that word is used for null; `$ref` counts only with `allOf`."""
    formats: frozenset[str] | None = None
    """The only values of `format`; None: any."""
    limits: frozenset[SchemaLimit] = frozenset()
    """Forms that are refused."""
    depth: int | None = None
    """How many schemas may stand inside each other; None: any number."""
