"""A vendor's types, walked: for each leaf a small value that has it, and the same value without it. Knows no vendor.

The types are those of the vendors' own SDKs: TypedDicts, pydantic models, unions, literals and enums of them. A leaf's
path names the fields that lead to it and, in brackets, the member of a union: `messages[user].content[text].text`.
"""

import os
import types
from base64 import b64encode
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from enum import Enum
from functools import cache
from itertools import count, islice
from typing import IO, Annotated, Any, Literal, NotRequired, Required, Union, get_args, get_origin

from msgspec import Struct
from pydantic import BaseModel
from typing_extensions import TypeAliasType, get_type_hints, is_typeddict

TAGS = ("type", "role", "object", "status")
"""Fields whose only word names a member of a union."""


FILES = (IO, os.PathLike)
"""What an SDK reads, and sends as text."""


class Missing:
    """The field is not there."""


MISSING = Missing()


class Mark(Struct, frozen=True):
    """What a leaf's value is recognised by."""

    kind: Literal["text", "number", "word", "flag", "member"]
    """`text` and `number` occur once in the world; `word`: one of an enum's; `flag`: true or false; `member`: an object
    of a union, with no more than it must have."""
    value: Any


class Leaf(Struct, frozen=True):
    """One leaf of a schema."""

    path: str
    mark: Mark
    body: Any
    """A small value that has the leaf."""
    without: Any
    """The same without it; if it is required, with another value."""
    around: Any = None
    """The same without the event that has it, if it is one of a stream."""


class Made(Struct, frozen=True):
    """A sample: the value that is written, and the text that is looked for."""

    value: Any
    text: str


Sample = Callable[[str], Made]
"""Makes the value of a field, which holds the text that it is given."""


class Samples(Struct, frozen=True):
    """How values are made that are more than any text, and what an object needs beside a field."""

    values: Mapping[str, Sample] = {}
    """By the field's name, or `Class.field`."""
    numbers: Mapping[str, int | float] = {}
    """Numbers of fields with bounds, by the field's name."""
    words: Mapping[str, tuple[str, ...]] = {}
    """Words of fields that the SDK leaves open, by `Class.field`."""
    brief: frozenset[str] = frozenset()
    """Fields of which one leaf is enough, by `Class.field`."""
    beside: Mapping[str, Mapping[str, Any]] = {}
    """What stands beside a field, by `Class.field`, or in all objects of a class, by `Class`."""


class Field(Struct, frozen=True):
    """A field of an object."""

    name: str
    type: Any
    required: bool


@cache
def fields_of(cls: Any) -> tuple[Field, ...]:
    """The fields of a TypedDict, a pydantic model or a dictionary of types, under the names that are sent."""
    if is_typeddict(cls):
        hints = get_type_hints(cls, include_extras=True)
        return tuple(_typed(name, hint, name in cls.__required_keys__) for name, hint in hints.items())
    found = cls.model_fields.items()
    return tuple(Field(field.alias or name, field.annotation, field.is_required()) for name, field in found)


def _typed(name: str, hint: Any, required: bool) -> Field:
    while get_origin(hint) in {Required, NotRequired, Annotated}:
        if get_origin(hint) is Annotated:
            aliases = [alias for each in get_args(hint)[1:] if (alias := getattr(each, "alias", None))]
            name = aliases[0] if aliases else name
        elif get_origin(hint) is Required:
            required = True
        hint = get_args(hint)[0]
    return Field(name, hint, required)


def is_object(kind: Any) -> bool:
    """Whether `kind` is a type with fields."""
    return is_typeddict(kind) or _is_model(kind)


def _is_model(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, BaseModel)


def plain(kind: Any) -> Any:
    """`kind` without annotations, aliases and `None`."""
    while True:
        if isinstance(kind, TypeAliasType):
            kind = kind.__value__
        elif get_origin(kind) in {Annotated, Required, NotRequired}:
            kind = get_args(kind)[0]
        elif get_origin(kind) in {Union, types.UnionType}:
            rest = [each for each in get_args(kind) if each is not type(None)]
            if len(rest) > 1:
                return kind
            kind = rest[0]
        else:
            return kind


def members(kind: Any) -> list[Any]:
    """The members of a union, however deep; of another type itself."""
    kind = plain(kind)
    if get_origin(kind) not in {Union, types.UnionType}:
        return [kind]
    found = [one for each in get_args(kind) if each is not type(None) for one in members(each)]
    found = [one for i, one in enumerate(found) if one not in found[:i] and get_origin(one) not in FILES]
    typed = any(map(is_typeddict, found))  # such a union may take answers as well, which are the same objects
    found = [one for one in found if one not in FILES and not (typed and _is_model(one))]
    objects = [one for one in found if is_object(one)]
    return [one for one in found if not (objects and get_origin(one) is Mapping)]  # any object: one of those


def words_of(kind: Any) -> tuple[Any, ...]:
    """The words of a literal or an enum; empty if it is neither."""
    if get_origin(kind) is Literal:
        return get_args(kind)
    if isinstance(kind, type) and issubclass(kind, Enum):
        return tuple(each.value for each in kind if not str(each.value).endswith("UNSPECIFIED"))
    return ()


def tag(cls: Any) -> str:
    """The name of a member of a union: the only word of its `type`, or its class's name."""
    fields = {field.name: field for field in fields_of(cls)}
    for name in TAGS:
        if name in fields and len(words := words_of(plain(fields[name].type))) == 1:
            return str(words[0])
    return str(cls.__name__)


class Walk:
    """One walk over a schema. Marks count from 1, so that each occurs once."""

    def __init__(self, samples: Samples) -> None:
        self._samples = samples
        self._count = count(1)

    def leaves(self, root: Any) -> list[Leaf]:
        """All leaves of `root`. A class within itself is not entered again."""
        return list(self._object(root, "", ()))

    def _object(self, cls: Any, path: str, inside: tuple[Any, ...]) -> Iterator[Leaf]:
        if cls in inside:
            return
        inside = (*inside, cls)
        smallest = self.smallest(cls)
        for field in fields_of(cls):
            key = f"{cls.__name__}.{field.name}"
            base = {**smallest, **self._samples.beside.get(key, {})}
            words = self._samples.words.get(key, ()) or words_of(plain(field.type))
            if len(words) == 1:
                continue  # it says only which object this is
            without = {name: value for name, value in base.items() if name != field.name or field.required}
            found = self._any(field.type, f"{path}.{field.name}" if path else field.name, inside, key)
            for leaf in islice(found, 1) if key in self._samples.brief else found:
                body = {**base, field.name: leaf.body}
                other = without if leaf.without is MISSING else {**base, field.name: leaf.without}
                if field.name in base and leaf.body in words:
                    other = {**base, field.name: next(word for word in words if word != leaf.body)}
                if other == body and leaf.mark.kind == "flag":
                    other = {**base, field.name: not leaf.body}
                if other != body:  # else it is how the smallest value is made
                    yield Leaf(leaf.path, leaf.mark, body, other)

    def _any(self, kind: Any, path: str, inside: tuple[Any, ...], key: str) -> Iterator[Leaf]:
        if sample := self._sample(key):
            text = self._text()
            made = sample(text)
            yield Leaf(path, Mark("text", made.text), made.value, MISSING)
            return
        options = members(kind)
        scalars = [each for each in options if not is_object(each)]
        if len(scalars) > 1 and str in scalars:  # a word, or any text: the words are the ones that are looked for
            words = [each for each in scalars if words_of(each)]
            options = [each for each in options if each is not str or not words]
        for each in options:
            if is_object(each):
                name = f"{path}[{tag(each)}]" if len(options) > 1 else path
                if len(options) > 1 and each not in inside:
                    yield Leaf(name, Mark("member", tag(each)), self.smallest(each), MISSING)
                yield from self._object(each, name, inside)
            else:
                yield from self._value(each, path, inside, key)

    def _value(self, kind: Any, path: str, inside: tuple[Any, ...], key: str) -> Iterator[Leaf]:
        name = key.rpartition(".")[2]
        if words := self._samples.words.get(key, ()) if kind is str else words_of(kind):
            for word in words:
                flag = isinstance(word, bool)
                yield Leaf(f"{path}={word}", Mark("flag" if flag else "word", word), word, MISSING)
            return
        match get_origin(kind) or kind:
            case origin if origin in {list, tuple, Iterable, Sequence} or _is_sequence(origin):
                for leaf in self._any(get_args(kind)[0], path, inside, key):
                    yield Leaf(
                        leaf.path, leaf.mark, [leaf.body], MISSING if leaf.without is MISSING else [leaf.without]
                    )
            case origin if origin in {dict, Mapping}:
                for leaf in self._any(get_args(kind)[1], f"{path}.*", inside, f"{key}.*"):
                    other = MISSING if leaf.without is MISSING else {"key": leaf.without}
                    yield Leaf(leaf.path, leaf.mark, {"key": leaf.body}, other)
            case origin if origin is bool:
                for flag in (True, False):
                    yield Leaf(f"{path}={str(flag).lower()}", Mark("flag", flag), flag, MISSING)
            case origin if origin in {int, float}:
                number = self._number(name, origin)
                yield Leaf(path, Mark("number", number), number, MISSING)
            case origin if origin is bytes:
                text = b64encode(self._text().encode()).decode()
                yield Leaf(path, Mark("text", text), text, MISSING)
            case origin if origin is datetime:
                text = f"2031-01-02T03:04:05.{next(self._count):06}Z"
                yield Leaf(path, Mark("text", text), text, MISSING)
            case origin if origin in {str, object, Any}:
                text = self._text()
                yield Leaf(path, Mark("text", text), text, MISSING)
            case _:
                raise TypeError(f"{path}: no sample of {kind}")

    def _sample(self, key: str) -> Sample | None:
        values = self._samples.values
        return values.get(key) or values.get(key.split(".", 1)[1])

    def _text(self) -> str:
        return f"mark{next(self._count):05}"

    def _number(self, name: str, kind: Any) -> int | float:
        if (known := self._samples.numbers.get(name)) is not None:
            return known
        number = 40000 + next(self._count)
        return number if kind is int else number / 100_000

    def smallest(self, cls: Any) -> dict[str, Any]:
        """The smallest value of an object."""
        found = {field.name: self._small(field, cls) for field in fields_of(cls) if field.required}
        for field in fields_of(cls):
            words = words_of(plain(field.type))
            if len(words) == 1 and field.name in TAGS:
                found[field.name] = words[0]
        return {**found, **self._samples.beside.get(cls.__name__, {})}

    def _small(self, field: Field, cls: Any) -> Any:
        key = f"{cls.__name__}.{field.name}"
        if sample := self._sample(key):
            return sample("a").value
        return self._small_value(members(field.type)[0], field.name)

    def _small_value(self, kind: Any, name: str) -> Any:
        if is_object(kind):
            return self.smallest(kind)
        if words := words_of(kind):
            return words[0]
        match get_origin(kind) or kind:
            case origin if origin in {list, tuple, Iterable, Sequence} or _is_sequence(origin):
                return []
            case origin if origin in {dict, Mapping}:
                return {}
            case origin if origin is bool:
                return False
            case origin if origin in {int, float}:
                return self._samples.numbers.get(name, 1)
            case origin if origin is bytes:
                return "YQ=="
            case _:
                return "a"


def _is_sequence(kind: Any) -> bool:
    return "Sequence" in getattr(kind, "__name__", "")
