"""A JSON Schema of any draft in the words of the newest, without what no draft has. Knows no vendor."""

from typing import Any

from dragoman.protocols.tools.schema.keywords import MANY, NAMED, OF_TYPE, Schema, mapped

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

NUMERIC = frozenset(
    {
        *("minimum", "maximum", "multipleOf", "minLength", "maxLength", "minItems", "maxItems"),
        *("minProperties", "maxProperties", "minContains", "maxContains"),
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
            new[name] = mapped(name, value, lambda inner: repaired(inner, removed))
        elif name in NAMED and not value:
            new[name] = {}  # an empty list is PHP's empty object
        else:
            removed.add(name)
    _types(new, removed)
    _exclusive(new)
    _dependencies(new)
    _tuple(new)
    return new


def _is_well_formed(name: str, value: Any) -> bool:
    if name in NUMERIC:
        return isinstance(value, int | float) and not isinstance(value, bool)
    if name in EXCLUSIVE:
        return isinstance(value, int | float)
    if name in NAMED:
        return isinstance(value, dict)
    if name in MANY or name == "enum":
        return isinstance(value, list | tuple) and len(value) > 0
    if name == "required":
        return isinstance(value, list | tuple) and all(isinstance(each, str) for each in value)
    if name == "dependentRequired":
        return isinstance(value, dict) and all(isinstance(each, list | tuple) for each in value.values())
    if name in {"pattern", "format", "description", "title"}:
        return isinstance(value, str)
    return True


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
