"""Types that pydantic reads and no other library: its models and dataclasses, its constraints, and unions of them.

msgspec takes one foreign class in a union, ignores constraints that are not its own, and makes dataclasses without the
checks that pydantic has put into them. A type that has something of pydantic in it is therefore read by pydantic as a
whole. Pydantic is never imported here: a program that hands in such a type has done so.
"""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import is_dataclass
from typing import Annotated, Any, ClassVar, NewType, get_args, get_origin, get_type_hints

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

    A type that has something of both libraries in it stays as it is. Raises TypeError for a TypedDict of `typing` with
    constraints, if pydantic does not read it in this Python.
    """
    pydantic = sys.modules.get("pydantic")
    found = [] if pydantic is None else list(_pydantic_in(kind, {}))
    if pydantic is None or not found:
        return kind
    try:
        adapter = pydantic.TypeAdapter(kind)
        adapter.json_schema()
    except pydantic.PydanticUserError as exc:
        if exc.code == "typed-dict-version" and not all(isinstance(each, type) for each in found):
            raise TypeError("a TypedDict with constraints of pydantic has to be that of typing_extensions") from exc
        return kind
    return type("Adapted", (Adapted,), {"adapter": adapter})


@contextmanager
def plain_mistakes() -> Iterator[None]:
    """Within it, what is wrong with a type is a TypeError, in a line: a name that stands for nothing, and what pydantic
    cannot read, or not say as JSON Schema."""
    try:
        yield
    except (NameError, RuntimeError) as exc:
        pydantic = sys.modules.get("pydantic")
        if not isinstance(exc, NameError) and (pydantic is None or not isinstance(exc, pydantic.PydanticUserError)):
            raise
        raise TypeError(str(exc).partition("\n")[0]) from exc


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


def _pydantic_in(kind: Any, seen: dict[int, Any]) -> Iterator[Any]:
    """What stands in `kind` of pydantic: its classes, and constraints, which are no classes.

    `seen`: types that were looked at, by their ids, which are theirs as long as they are here: hints that are text
    give new types each time.
    """
    if id(kind) in seen:
        return
    seen[id(kind)] = kind
    if isinstance(kind, type) and _is_pydantic(kind):
        yield kind
        return
    if get_origin(kind) is Annotated:
        yield from (each for each in kind.__metadata__ if _is_pydantic(type(each)))
    for part in (*get_args(kind), get_origin(kind), _named(kind), *_fields(kind)):
        if part is not None:
            yield from _pydantic_in(part, seen)


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
    # Before Python 3.12, `is_typeddict` does not know that of typing_extensions, which pydantic wants.
    is_dictionary = issubclass(kind, dict) and "__total__" in vars(kind)
    if not (is_dictionary or is_dataclass(kind) or issubclass(kind, tuple)):
        return ()
    try:
        return tuple(get_type_hints(kind, include_extras=True).values())
    except NameError:
        return ()
