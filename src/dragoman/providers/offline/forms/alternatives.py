"""A schema taken apart: the ways to fit it, each a list of schemas without references and combinations."""

from collections.abc import Callable, Iterator
from typing import Any

from msgspec import Struct

from dragoman.protocols.tools.schema.keywords import REFERENCES, Schema
from dragoman.providers.offline.forms.check import Checker


class Demand(Struct, frozen=True):
    """A schema that a value must fit, the base of its references, and the schemas that lead back to it."""

    schema: Any
    base: Schema
    within: frozenset[int] = frozenset()
    """What was referred to on the way here: no value has itself inside."""

    def inner(self, schema: Any) -> "Demand":
        """A demand of a schema inside of this one."""
        return Demand(schema, self.base, self.within)


Demands = tuple[Demand, ...]


def alternatives(demands: Demands, checker: Checker) -> Iterator[Demands]:
    """The ways to fit all of `demands`. What only excludes values (`not`, and that no other of `oneOf` fits) is left
    for the checker."""
    checker.spend()
    for i, demand in enumerate(demands):
        if demand.schema is False:
            return
        if not isinstance(demand.schema, dict):
            continue
        named = Demand(demand.schema, checker.references.base(demand.schema, demand.base), demand.within)
        for name, ways in COMBINING.items():
            if name in demand.schema:
                plain = {key: value for key, value in demand.schema.items() if key != name}
                if name in REFERENCES and checker.references.old:
                    plain = {}
                for more in ways(named, demand.schema[name], checker):
                    yield from alternatives((*demands[:i], named.inner(plain), *more, *demands[i + 1 :]), checker)
                return
    yield tuple(demand for demand in demands if isinstance(demand.schema, dict))


def _referred(demand: Demand, reference: Any, checker: Checker) -> Iterator[Demands]:
    try:
        target, base = checker.references.target(reference, demand.base)
    except LookupError:
        return
    if id(target) not in demand.within:
        yield (Demand(target, base, demand.within | {id(target)}),)


def _all(demand: Demand, schemas: Any, _: Checker) -> Iterator[Demands]:
    yield tuple(map(demand.inner, schemas))


def _each(demand: Demand, schemas: Any, _: Checker) -> Iterator[Demands]:
    return ((demand.inner(schema),) for schema in schemas)


def _condition(demand: Demand, condition: Any, _: Checker) -> Iterator[Demands]:
    yield demand.inner(condition), demand.inner(demand.schema.get("then", True))
    yield (demand.inner(demand.schema.get("else", True)),)


def _dependent(demand: Demand, schemas: Any, _: Checker) -> Iterator[Demands]:
    yield ()
    yield tuple(map(demand.inner, schemas.values()))


COMBINING: dict[str, Callable[[Demand, Any, Checker], Iterator[Demands]]] = {
    **dict.fromkeys(REFERENCES, _referred),
    "allOf": _all,
    "anyOf": _each,
    "oneOf": _each,
    "if": _condition,
    "dependentSchemas": _dependent,
}
"""Keywords that combine schemas, with the further demands of each way to fit them."""
