"""Makes a value that fits a JSON Schema: the required properties, or all if none is; short texts and small numbers.

A schema is taken apart into the ways to fit it (`alternatives`). For each, candidates are made from what it says; the
first that fits the whole schema is the value (`check`). Inner values are found before outer ones, so that the number of
candidates grows with the size of the schema and not with its power.
"""

from collections.abc import Callable, Iterable, Iterator
from math import ceil, floor, isfinite
from typing import Any

from dragoman.protocols.tools.schema.keywords import OF_TYPE, Schema, types_of
from dragoman.protocols.tools.schema.references import References
from dragoman.protocols.tools.schema.repair import repaired
from dragoman.providers.offline.forms.alternatives import Demand, Demands, alternatives
from dragoman.providers.offline.forms.check import PER_STEP, Checker, TooLargeError, is_same
from dragoman.providers.offline.forms.hints import Hints
from dragoman.providers.offline.forms.pattern import pattern

ROOT = "text"
"""The text for a value that has no name."""

MAX_LENGTH = 10_000
"""Characters of a text that is made longer because a schema asks for that."""

VARIANTS = 100
"""Texts that differ: as many as an array of distinct ones may need."""

FORMATS: dict[str, str] = {
    "date-time": "2000-01-01T00:00:00Z",
    "date": "2000-01-01",
    "time": "00:00:00Z",
    "duration": "P1D",
    "email": "user@example.org",
    "idn-email": "user@example.org",
    "hostname": "example.org",
    "idn-hostname": "example.org",
    "ipv4": "192.0.2.1",
    "ipv6": "2001:db8::1",
    "uri": "https://example.org/",
    "url": "https://example.org/",
    "uri-reference": "/",
    "iri": "https://example.org/",
    "iri-reference": "/",
    "uri-template": "https://example.org/{id}",
    "uuid": "00000000-0000-4000-8000-000000000000",
    "json-pointer": "/text",
    "relative-json-pointer": "0",
    "regex": "^a",
}
"""A text of each format. Others demand nothing."""


class NoValueError(ValueError):
    """No value was found that fits the schema."""


def fitting_value(schema: Any, hints: Hints, kind: str | None = None) -> Any:
    """A value that fits `schema` and is of the type `kind`, with what `hints` offer. Raises NoValueError."""
    try:
        for value in _values(repaired(schema, set()), hints, kind):
            return value
    except TooLargeError:
        raise NoValueError("it is too large") from None
    except (RecursionError, OverflowError):
        # Callers may write any number, and as many schemas inside each other as they like: Python's limits count.
        raise NoValueError("it is too deep, or a number in it is too large") from None
    raise NoValueError("no value was found that fits it")


def _values(schema: Any, hints: Hints, kind: str | None) -> Iterator[Any]:
    checker = Checker(References(schema if isinstance(schema, dict) else {}))
    root = checker.references.root
    typed = Demand({"type": kind} if kind else {}, root)
    return Maker(checker, hints).values((Demand(schema, root, frozenset({id(root)})), typed), ROOT)


class Maker:
    """Makes values that may fit a schema; the checker says which do."""

    def __init__(self, checker: Checker, hints: Hints) -> None:
        self._checker = checker
        self._hints = hints

    def values(self, demands: Demands, name: str) -> Iterator[Any]:
        """Values that fit all of `demands`, for a property of this name."""
        for way in alternatives(demands, self._checker):
            for value in self._candidates(way, name):
                if all(self._checker.fits(value, demand.schema, demand.base) for demand in demands):
                    yield value

    def _candidates(self, way: Demands, name: str) -> Iterator[Any]:
        for demand in way:
            if "const" in demand.schema:
                yield demand.schema["const"]
                return
            if "enum" in demand.schema:
                yield from self._hints.named_first(demand.schema["enum"])
                return
        for kind in _types(way):
            yield from MAKERS[kind](self, way, name)

    def _texts(self, way: Demands, name: str) -> Iterator[str]:
        low = max(_numbers(way, "minLength"), default=0)
        high = min(_numbers(way, "maxLength"), default=MAX_LENGTH)
        if low > MAX_LENGTH or high < low:
            return
        low, high = ceil(low), floor(high)
        yield from (FORMATS[text] for text in _said(way, "format") if isinstance(text, str) and text in FORMATS)
        for source in _said(way, "pattern"):
            if (found := pattern(source)) is not None:
                for text in found.texts(self._checker.spend):
                    yield from (text, text + text[-1:] * (low - len(text)), name[: max(0, low - len(text))] + text)
            return
        yield from self._hints.texts()
        for i in range(1, VARIANTS):
            text = name[:high] if i == 1 else f"{name} {i}"[-high:] if high else ""
            yield text + "x" * (low - len(text))
        yield ""

    def _integers(self, way: Demands, name: str) -> Iterator[int]:
        for value in self._reals(way, name):
            if isinstance(value, int) or (isfinite(value) and value.is_integer()):
                yield int(value)

    def _reals(self, way: Demands, _: str) -> Iterator[int | float]:
        yield from self._hints.numbers()
        yield from (1, 0, 2, 0.5, -1)
        low = [*_numbers(way, "minimum"), *_numbers(way, "exclusiveMinimum")]
        high = [*_numbers(way, "maximum"), *_numbers(way, "exclusiveMaximum")]
        step = next(iter(_numbers(way, "multipleOf")), 1) or 1
        for bound in (*low, *high):
            if isfinite(bound / step):
                yield from (bound, *(around(bound / step) * step + more * step
                                     for around in (ceil, floor) for more in (0, 1, -1)))  # fmt: skip
        if low and high:
            yield (max(low) + min(high)) / 2

    def _flags(self, _: Demands, __: str) -> Iterator[bool]:
        yield from (True, False)

    def _nothing(self, _: Demands, __: str) -> Iterator[None]:
        yield None

    def _arrays(self, way: Demands, name: str) -> Iterator[list[Any]]:
        least = ceil(max(_numbers(way, "minItems"), default=0))
        prefix = max((len(demand.schema.get("prefixItems", ())) for demand in way), default=0)
        held = sum(ceil(demand.schema.get("minContains", 1)) for demand in way if "contains" in demand.schema)
        usual = 1 if any("items" in demand.schema for demand in way) else 0
        for count in dict.fromkeys((max(least, prefix + held, usual), max(least, held), least)):
            values = self._items(way, name, count, held)
            if len(values) >= least:
                yield values
        yield from ([], [True])

    def _items(self, way: Demands, name: str, count: int, held: int) -> list[Any]:
        """Up to `count` items; the last ones are those that the array has to hold."""
        unique = any(demand.schema.get("uniqueItems") is True for demand in way)
        contained = [
            demand.inner(demand.schema["contains"])
            for demand in way
            if "contains" in demand.schema
            for _ in range(ceil(demand.schema.get("minContains", 1)))
        ]
        values: list[Any] = []
        for i in range(count):
            demands = tuple(demand.inner(_item(demand.schema, i)) for demand in way)
            if i >= count - held:
                demands = (*demands, contained[i - (count - held)])
            found = (value for value in self.values(demands, name)
                     if not unique or not any(is_same(value, each) for each in values))  # fmt: skip
            for value in found:
                values.append(value)
                break
            else:
                break
        return values

    def _objects(self, way: Demands, _: str) -> Iterator[dict[str, Any]]:
        declared = dict.fromkeys(name for demand in way for name in demand.schema.get("properties", ()))
        required = self._needed(way, {name for demand in way for name in demand.schema.get("required", ())})
        names = [*(name for name in declared if name in required), *sorted(required - declared.keys())]
        value: dict[str, Any] = {}
        if not names and self._fill_each(value, way, declared):
            yield value
            value = {}
        if not all(self._fill(value, way, name) for name in names):
            return
        least = max(_numbers(way, "minProperties"), default=0)
        for name in (*declared, *self._names(way)):
            if len(value) >= least:
                break
            self._fill_each(value, way, (name,))
        yield value
        # For what only excludes: another object may fit if this one does not.
        for name in (*declared, *self._names(way)):
            if self._fill_each(value, way, (name,)):
                yield dict(value)

    def _needed(self, way: Demands, names: set[str]) -> set[str]:
        """`names`, and all that are required together with them."""
        needs = [
            (name, needed) for demand in way for name, needed in demand.schema.get("dependentRequired", {}).items()
        ]
        while True:
            self._checker.spend(len(needs) // PER_STEP)
            more = {each for name, needed in needs if name in names for each in needed} - names
            if not more:
                return names
            names |= more

    def _names(self, way: Demands) -> Iterator[str]:
        """Names of properties that no schema declares."""
        for demand in way:
            for source in demand.schema.get("patternProperties", ()):
                if (found := pattern(source)) is not None:
                    yield from found.texts(self._checker.spend)
        naming = tuple(
            demand.inner(demand.schema["propertyNames"]) for demand in way if "propertyNames" in demand.schema
        )
        text = Demand({"type": "string"}, {})
        for i, name in enumerate(Maker(self._checker, Hints()).values((*naming, text), "property")):
            if i == VARIANTS:
                break
            yield name

    def _fill_each(self, value: dict[str, Any], way: Demands, names: Iterable[str]) -> bool:
        """Adds those of the properties that are not there and that can be filled; returns whether there are any."""
        return sum(self._fill(value, way, name) for name in names if name not in value) > 0

    def _fill(self, value: dict[str, Any], way: Demands, name: str) -> bool:
        """Adds the property to `value`, if there is one that fits."""
        demands = tuple(
            demand.inner(each) for demand in way for each in self._checker.property_schemas(demand.schema, name)
        )
        for found in self.values(demands, name):
            value[name] = found
            return True
        return False


MAKERS: dict[str, Callable[[Maker, Demands, str], Iterable[Any]]] = {
    "string": Maker._texts,
    "integer": Maker._integers,
    "number": Maker._reals,
    "object": Maker._objects,
    "array": Maker._arrays,
    "boolean": Maker._flags,
    "null": Maker._nothing,
}
"""How a value of each type is made; a schema without a type gets the first that fits."""


def _types(way: Demands) -> list[str]:
    """The types that a value may have, those first of which the schemas speak."""
    kinds = [name for name in MAKERS if all(_may_be(demand.schema, name) for demand in way)]
    named = [name for demand in way for name in types_of(demand.schema) or () if name in kinds]
    spoken = [name for name in kinds if any(OF_TYPE[name] & demand.schema.keys() for demand in way)]
    return list(dict.fromkeys((*named, *spoken, *kinds)))


def _may_be(schema: Schema, name: str) -> bool:
    types = types_of(schema)
    return types is None or name in types or (name == "integer" and "number" in types)


def _said(way: Demands, name: str) -> list[Any]:
    return [demand.schema[name] for demand in way if name in demand.schema]


def _numbers(way: Demands, name: str) -> list[int | float]:
    return [value for value in _said(way, name) if isinstance(value, int | float) and not isinstance(value, bool)]


def _item(schema: Schema, i: int) -> Any:
    prefix = schema.get("prefixItems", ())
    return prefix[i] if i < len(prefix) else schema.get("items", True)
