"""Formats of points in time, and of times of day, in schemas that msgspec has made.

It names a format only if the type demands a time zone, because RFC 3339 has no such text without one. A model that is
told of "a string" alone writes "tomorrow at five", so these say more than msgspec holds values to.
"""

from typing import Any

from msgspec import inspect

DEFINITIONS = "#/$defs/"


def add_time_formats(kind: Any, schema: dict[str, Any]) -> None:
    """Adds them to `schema`, which is that of `kind`."""
    _add(inspect.type_info(kind), schema, schema.get("$defs", {}), set())


def _add(kind: inspect.Type, schema: Any, definitions: dict[str, Any], seen: set[str]) -> None:
    """`kind` may be one of several in a union, and `schema` that of another: then their forms differ, because msgspec
    takes one of each form."""
    match kind, schema:
        case inspect.Metadata(type=inner), _:
            _add(inner, schema, definitions, seen)
        case inspect.DateTimeType(tz=None), {"type": "string"}:
            schema.setdefault("format", "date-time")
        case inspect.TimeType(tz=None), {"type": "string"}:
            schema.setdefault("format", "time")
        case inspect.UnionType(types=kinds), {"anyOf": schemas}:
            for each in kinds:
                for one in schemas:
                    _add(each, one, definitions, seen)
        case inspect.CollectionType(item_type=item), {"items": items}:
            _add(item, items, definitions, seen)
        case inspect.TupleType(item_types=kinds), {"prefixItems": schemas}:
            for each, one in zip(kinds, schemas, strict=True):
                _add(each, one, definitions, seen)
        case inspect.DictType(value_type=value), {"additionalProperties": values}:
            _add(value, values, definitions, seen)
        case (
            inspect.StructType() | inspect.DataclassType() | inspect.TypedDictType() | inspect.NamedTupleType(),
            {"$ref": reference},
        ):
            name = reference.removeprefix(DEFINITIONS)
            found = definitions[name]
            title, _, _ = found.get("title", "").partition("[")  # of a generic one, `Visit[int]`
            if name not in seen and title == kind.cls.__name__:
                seen.add(name)
                schemas = _schemas(kind.fields, found)
                for field in kind.fields:
                    _add(field.type, schemas.get(field.encode_name), definitions, seen)


def _schemas(fields: tuple[inspect.Field, ...], schema: dict[str, Any]) -> dict[str, Any]:
    """The schemas of fields by their names. An array has them in the order of the fields, after a tag."""
    items = schema.get("prefixItems", [])[-len(fields) :]
    found: dict[str, Any] = schema.get("properties", {})
    return found or dict(zip((field.encode_name for field in fields), items, strict=False))
