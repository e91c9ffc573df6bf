"""Types that pydantic reads and no other library: its models and dataclasses, its constraints, and unions of them.

msgspec takes one foreign class in a union, ignores constraints that are not its own, and makes dataclasses without the
checks that pydantic has put into them. A type that has something of pydantic in it is therefore read by pydantic as a
whole. Pydantic is never imported here: whoever hands in such a type has done so.
"""

import sys
from collections.abc import Callable
from contextlib import suppress
from dataclasses import is_dataclass
from typing import Annotated, Any, ClassVar, NewType, get_args, get_origin, get_type_hints, is_typeddict

import msgspec

HOMES = ("pydantic", "annotated_types")
"""Packages whose classes pydantic alone understands; `PositiveInt` is made of the second."""


class Adapted:
    """A value that pydantic has read. msgspec is given a subclass in place of the type."""

    adapter: ClassVar[Any]
    """A TypeAdapter of pydantic."""

    def __init__(self, value: object) -> None:
        self.value = value

    @classmethod
    def of(cls, value: object) -> "Adapted":
        """What has been decoded from JSON, as a value of the type. Raises ValueError."""
        return cls(validated(cls.adapter.validate_json, value))


def validated(validate: Callable[[bytes], Any], value: object) -> Any:
    """What has been decoded from JSON, as this function of pydantic reads it. Raises ValueError, which says of each
    mistake where it is and what was expected."""
    # As JSON, because strict models take a date as text there alone.
    try:
        return validate(msgspec.json.encode(value))
    except ValueError as exc:
        if not isinstance(exc, sys.modules["pydantic"].ValidationError):
            raise
        raise ValueError("; ".join(map(_words, exc.errors(include_url=False)))) from exc


def _words(mistake: dict[str, Any]) -> str:
    """Pydantic's words of a mistake, without the address of a page."""
    place = ".".join(map(str, mistake["loc"]))
    return f"{place}: {mistake['msg']}" if place else str(mistake["msg"])


def adapted(kind: Any) -> Any:
    """`kind` for msgspec: a class of Adapted if pydantic is to read it.

    A type that has something of both libraries in it stays as it is.
    """
    pydantic = sys.modules.get("pydantic")
    if pydantic is None or not _has_pydantic(kind, {}):
        return kind
    try:
        adapter = pydantic.TypeAdapter(kind)
        adapter.json_schema()
    except pydantic.PydanticUserError:
        return kind
    return type("Adapted", (Adapted,), {"adapter": adapter})


def bare(value: Any) -> Any:
    """`value`, or what stands in an Adapted."""
    return value.value if isinstance(value, Adapted) else value


def is_own(kind: object) -> bool:
    """Whether it is a class of pydantic's: a model or a dataclass."""
    return isinstance(kind, type) and "__pydantic_core_schema__" in vars(kind)


def is_field(value: object) -> bool:
    """Whether it is what pydantic's `Field` gives."""
    fields = sys.modules.get("pydantic.fields")
    return fields is not None and isinstance(value, fields.FieldInfo)


def _has_pydantic(kind: Any, seen: dict[int, Any]) -> bool:
    """`seen`: types that were looked at, by their ids, which are theirs as long as they are here: hints that are text
    give new types each time."""
    if id(kind) in seen:
        return False
    seen[id(kind)] = kind
    if isinstance(kind, type) and _is_pydantic(kind):
        return True
    if get_origin(kind) is Annotated and any(_is_pydantic(type(each)) for each in kind.__metadata__):
        return True
    parts = (*get_args(kind), get_origin(kind), _named(kind), *_fields(kind))
    return any(_has_pydantic(part, seen) for part in parts if part is not None)


def _is_pydantic(kind: type) -> bool:
    return is_own(kind) or any(each.__module__.partition(".")[0] in HOMES for each in kind.__mro__)


def _named(kind: Any) -> Any:
    """The type that a name (`type X = …`, `NewType`) stands for; None if it is no name, or stands for nothing yet."""
    if isinstance(kind, NewType):
        return kind.__supertype__
    # Python has such a class since 3.12, and typing_extensions one for those before.
    with suppress(NameError):
        return kind.__value__ if type(kind).__name__ == "TypeAliasType" else None
    return None


def _fields(kind: Any) -> tuple[Any, ...]:
    """The types of the fields of a dataclass, a TypedDict or a NamedTuple."""
    if not isinstance(kind, type):
        return ()
    if not (is_dataclass(kind) or is_typeddict(kind) or issubclass(kind, tuple)):
        return ()
    try:
        return tuple(get_type_hints(kind, include_extras=True).values())
    except NameError:
        return ()
