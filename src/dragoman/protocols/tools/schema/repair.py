"""A JSON Schema of any draft in the words of the newest, without what no draft has. Knows no vendor."""

from collections.abc import Callable
from functools import partial
from typing import Any

from dragoman.protocols.tools.schema.keywords import IDENTIFIERS, MANY, NAMED, OF_TYPE, ONE, Schema, mapped

ALIASES: dict[str, str] = {
    **{name: name for name in OF_TYPE},
    **dict.fromkeys(("str", "text", "uuid", "date", "datetime", "enum"), "string"),
    **dict.fromkeys(("int", "long", "int32", "int64"), "integer"),
    **dict.fromkeys(("float", "double", "decimal"), "number"),
    **dict.fromkeys(("bool",), "boolean"),
    **dict.fromkeys(("list", "tuple", "set"), "array"),
    **dict.fromkeys(("dict", "map", "record"), "object"),
    **dict.fromkeys(("none", "nil"), "null"),
}
"""Names of types that programs write, in lower case, with the names that JSON Schema has."""

COUNTS = frozenset(
    {
        *("minLength", "maxLength", "minItems", "maxItems", "minContains", "maxContains"),
        *("minProperties", "maxProperties"),
    }
)
EXCLUSIVE = {"exclusiveMinimum": "minimum", "exclusiveMaximum": "maximum"}
"""In draft 4 these are true or false, and say how the other is meant."""

MAY_BE_NULL = frozenset({"default", "const", "example"})


def repaired(schema: Any, removed: set[str]) -> Any:
    """`schema` in the newest words; keywords without a meaning are left out and added to `removed`."""
    if isinstance(schema, bool):
        return schema
    if not isinstance(schema, dict):
        removed.add("schema")
        return {}
    new: Schema = {}
    for name, value in schema.items():
        if value is None and name not in MAY_BE_NULL:
            continue
        if _is_well_formed(name, value):
            new[name] = mapped(name, value, partial(_repaired_below, name, removed))
        elif (name in NAMED or name in ONE) and value in ([], ()):
            new[name] = {}  # an empty list is PHP's empty object
        elif name not in IDENTIFIERS:
            removed.add(name)
    _types(new, removed)
    _exclusive(new)
    _dependencies(new)
    _tuple(new)
    if "required" in new:
        new["required"] = list(dict.fromkeys(new["required"]))
    return new


def _repaired_below(name: str, removed: set[str], schema: Any) -> Any:
    """What stands below the keyword `name`; in `dependencies` that may be a list of names."""
    return schema if name == "dependencies" and _are_texts(schema) else repaired(schema, removed)


def _is_well_formed(name: str, value: Any) -> bool:
    return name not in FORMS or FORMS[name](value)


def _is_text(value: Any) -> bool:
    return isinstance(value, str)


def _is_boolean(value: Any) -> bool:
    return isinstance(value, bool)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _is_count(value: Any) -> bool:
    return _is_number(value) and value >= 0 and (isinstance(value, int) or value.is_integer())


def _is_list(value: Any) -> bool:
    return isinstance(value, list | tuple)


def _are_texts(value: Any) -> bool:
    return _is_list(value) and all(map(_is_text, value))


FORMS: dict[str, Callable[[Any], bool]] = {
    **dict.fromkeys(ONE, lambda value: isinstance(value, dict | bool)),
    "items": lambda value: isinstance(value, dict | bool | list | tuple),
    **dict.fromkeys(NAMED, lambda value: isinstance(value, dict)),
    **dict.fromkeys((*MANY, "enum"), lambda value: _is_list(value) and len(value) > 0),
    **dict.fromkeys(COUNTS, _is_count),
    **dict.fromkeys(("minimum", "maximum"), _is_number),
    **dict.fromkeys(EXCLUSIVE, lambda value: _is_number(value) or _is_boolean(value)),
    "multipleOf": lambda value: _is_number(value) and value > 0,
    "required": _are_texts,
    "dependentRequired": lambda value: isinstance(value, dict) and all(map(_are_texts, value.values())),
    "examples": _is_list,
    **dict.fromkeys(("uniqueItems", "readOnly", "writeOnly", "deprecated"), _is_boolean),
    **dict.fromkeys(("pattern", "format", "description", "title"), _is_text),
    **dict.fromkeys(("contentEncoding", "contentMediaType", "$comment", "$schema"), _is_text),
    # A name of a place (`#a`) is an `$anchor` in the newest draft.
    "$id": lambda value: _is_text(value) and not value.partition("#")[2],
}
"""Whether a value of a keyword is one that the newest draft has, or an older one. Services that refuse another one
(`'x' is not of type 'array'`) refuse all of the request."""


def _types(schema: Schema, removed: set[str]) -> None:
    said = schema.get("type")
    if said is None or (isinstance(said, str) and said in OF_TYPE):
        return
    names = [said] if isinstance(said, str) else said if isinstance(said, list | tuple) else []
    known = [ALIASES.get(name.lower()) if isinstance(name, str) else None for name in names]
    if not known or None in known:
        removed.add("type")
        del schema["type"]
    else:
        types = list(dict.fromkeys(known))
        schema["type"] = types[0] if len(types) == 1 else types


def _exclusive(schema: Schema) -> None:
    for name, bound in EXCLUSIVE.items():
        if isinstance(schema.get(name), bool):
            is_exclusive = schema.pop(name)
            if is_exclusive and bound in schema:
                schema[name] = schema.pop(bound)


def _dependencies(schema: Schema) -> None:
    for name, needed in schema.pop("dependencies", {}).items():
        keyword = "dependentRequired" if isinstance(needed, list | tuple) else "dependentSchemas"
        schema[keyword] = {name: needed} | schema.get(keyword, {})


def _tuple(schema: Schema) -> None:
    """Until 2019 a list in `items` was what `prefixItems` is, and `additionalItems` the rest."""
    rest = schema.pop("additionalItems", None)
    if isinstance(schema.get("items"), list | tuple):
        schema.setdefault("prefixItems", schema.pop("items"))
        schema.pop("items", None)
        if rest is not None:
            schema["items"] = rest
        if not schema["prefixItems"]:
            del schema["prefixItems"]
