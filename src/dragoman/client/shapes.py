"""A Python type as a JSON Schema, and its values from JSON: msgspec's, dataclasses, TypedDicts and pydantic's.

Pydantic is never imported here: a program that hands in a model of it has done so.
"""

import sys
from collections.abc import Callable, Set
from contextlib import suppress
from itertools import chain, count
from typing import Any, Generic, TypeVar

import msgspec

from dragoman.client.pydantic_types import Adapted, adapted, bare, plain_mistakes, validated
from dragoman.client.time_formats import add_time_formats
from dragoman.errors import InvalidRequestError
from dragoman.protocols.tools.schema.keywords import mapped, type_of

T = TypeVar("T")

DEFINITIONS = "#/$defs/"


class Shape(Generic[T]):
    """What a type looks like in JSON. Raises TypeError if it is a type that JSON cannot express."""

    def __init__(self, kind: type[T]) -> None:
        self.kind = kind
        self.name: str = getattr(kind, "__name__", "answer")  # unions and the like have no name
        definitions: dict[str, Any] = {}
        with plain_mistakes():
            self._read: Any = adapted(kind)
            own = msgspec.json.schema(self._read, schema_hook=lambda _: {"type": "object"}).get("$defs", {})
            schema = msgspec.json.schema(
                self._read, schema_hook=lambda each: _model_schema(each, definitions, own.keys())
            )
            add_time_formats(self._read, schema)
        self.schema: dict[str, Any] = _with_types(_with_root(schema, definitions))

    def read(self, text: str) -> T:
        """The value that `text` is. Raises InvalidRequestError, which says what was expected, where, and what came."""
        try:
            return self._value(text)
        except (msgspec.DecodeError, UnicodeEncodeError) as exc:
            raise InvalidRequestError(str(exc)) from exc
        except RecursionError as exc:
            raise InvalidRequestError("expected JSON that is not nested so deeply") from exc

    def _value(self, text: str) -> T:
        try:
            return self._decoded(text)
        except msgspec.ValidationError:
            integral = msgspec.json.encode(_integral(msgspec.json.decode(text)))
            with suppress(msgspec.ValidationError):
                return self._decoded(integral)
            raise

    def _decoded(self, text: str | bytes) -> T:
        value: T = bare(msgspec.json.decode(text, type=self._read, dec_hook=_model))
        return value


class HeldShape(Shape[T]):
    """The shape of a type that is no object in JSON (a list, a union, an enum), as the one field of an object.

    Services that take a schema, or promise JSON, take and promise an object alone.
    https://platform.openai.com/docs/guides/structured-outputs#root-objects-must-not-be-anyof-and-must-be-an-object
    """

    def __init__(self, kind: type[T]) -> None:
        self._alone = Shape(kind)
        self._holder = Shape(msgspec.defstruct("answer", [(HELD, adapted(kind))]))
        self.kind, self.name, self.schema = kind, self._alone.name, self._holder.schema

    def read(self, text: str) -> T:
        try:
            value: T = bare(getattr(self._holder.read(text), HELD))
        except InvalidRequestError:
            # A model that was asked in words may leave the object out.
            with suppress(InvalidRequestError):
                return self._alone.read(text)
            raise
        return value


HELD = "value"
"""The name of that field."""


def _with_types(schema: Any) -> Any:
    """`schema` with a type wherever it lists values: OpenAI refuses a strict one that has none there.

    openclaw/clawpatch#60
    """
    if not isinstance(schema, dict):
        return schema
    found = {name: mapped(name, value, _with_types) for name, value in schema.items()}
    values = found.get("enum", [found["const"]] if "const" in found else [])
    if values and "type" not in found:
        types = list(dict.fromkeys(map(type_of, values)))
        found["type"] = types[0] if len(types) == 1 else types
    return found


def _integral(value: Any) -> Any:
    """`value` with integers for numbers without a fraction: to JSON Schema `3.0` is an integer, to msgspec it is not.

    https://json-schema.org/draft/2020-12/json-schema-validation#section-6.1.1
    """
    match value:
        case float() if value.is_integer():
            return int(value)
        case list():
            return [_integral(each) for each in value]
        case dict():
            return {key: _integral(each) for key, each in value.items()}
        case _:
            return value


def is_object(schema: dict[str, Any]) -> bool:
    """Whether its values are objects alone."""
    return schema.get("type") == "object"


def is_model(kind: object) -> bool:
    """Whether it is a class of pydantic."""
    pydantic = sys.modules.get("pydantic")
    return pydantic is not None and isinstance(kind, type) and issubclass(kind, pydantic.BaseModel)


def to_json(value: object) -> str:
    """`value` as JSON, its fields by the names that its schema has. Raises TypeError if JSON cannot express it."""
    return msgspec.json.encode(value, enc_hook=_fields).decode()


def _model_schema(kind: type, definitions: dict[str, Any], taken: Set[str]) -> dict[str, Any]:
    """The schema of a type that pydantic reads; what it refers to goes to the top, under names that are not `taken`."""
    write: Callable[..., dict[str, Any]]
    if issubclass(kind, Adapted):
        write = kind.adapter.json_schema
    elif is_model(kind):
        write = kind.model_json_schema  # type: ignore[attr-defined]  # a class of pydantic
    else:
        raise TypeError(f"Type {kind!r} is not supported")  # msgspec's own words are of hooks that are not given
    for suffix in chain([""], map(str, count(2))):
        schema = write(ref_template=f"{DEFINITIONS}{{model}}{suffix}")
        found = {f"{name}{suffix}": each for name, each in schema.pop("$defs", {}).items()}
        if taken.isdisjoint(found) and all(definitions.get(name, each) == each for name, each in found.items()):
            break
    definitions |= found
    return schema


def _model(kind: type, value: object) -> object:
    """The value of a type that pydantic reads: all others were refused as the schema was made."""
    if issubclass(kind, Adapted):
        return kind.of(value)
    return validated(kind.model_validate_json, value)  # type: ignore[attr-defined]  # a class of pydantic


def _fields(value: object) -> object:
    if is_model(type(value)):
        return value.model_dump(mode="json", by_alias=True)  # type: ignore[attr-defined]  # a model of pydantic
    raise TypeError(f"expected what JSON can say, got {type(value).__name__}")


def _with_root(schema: dict[str, Any], definitions: dict[str, Any]) -> dict[str, Any]:
    """`schema` with its own object at the top, which services demand, and not a reference to it."""
    known = definitions | schema.pop("$defs", {})
    reference = schema.get("$ref", "")
    if reference.startswith(DEFINITIONS):
        schema = known[reference.removeprefix(DEFINITIONS)]
        rest = msgspec.json.encode(known).decode()
        if f'"{reference}"' not in rest:  # it does not refer to itself
            del known[reference.removeprefix(DEFINITIONS)]
    return {**schema, "$defs": known} if known else schema
