"""The parameters of a tool, compiled to what a target takes of JSON Schema. Knows no vendor.

Services refuse a request with a keyword that they do not know, and with it all tools. So a schema is compiled:

1. References are put in place of what they lead to, unless the target takes them (`references`).
2. Older drafts become the newest; what no draft has is left out (`repair`).
3. The top becomes a plain object (`root`).
4. Keyword by keyword, what the target does not take is said in another way that means the same, or else in the
   description, in words (`node`, `words`). What words cannot say is lost, by name.

The rule for each step: a value that was valid stays valid. A model may be told less than the caller asked, never more.
So what stands below `not`, `if` and `oneOf`, where less becomes more, is either exact or in words.

A schema that cannot be understood becomes one that takes any object: one bad tool must not cost the others.
"""

from typing import Any

from msgspec import Struct

from dragoman.protocols.tool_schema.keywords import Schema, types_of
from dragoman.protocols.tool_schema.node import NodeCompiler
from dragoman.protocols.tool_schema.references import References, inlined
from dragoman.protocols.tool_schema.repair import ALIASES, repaired
from dragoman.protocols.tool_schema.root import Flattener, is_plain
from dragoman.protocols.tool_schema.words import joined_words, without_cuts
from dragoman.types import SchemaSupport


class CompiledSchema(Struct, frozen=True):
    """A schema as the target takes it, and what became of its keywords."""

    schema: Schema
    words: str = ""
    """What the schema demanded as a whole; it belongs into the tool's description."""
    same: frozenset[str] = frozenset()
    """Keywords that arrive in another form with the same meaning."""
    told: frozenset[str] = frozenset()
    """Keywords that arrive in words only."""
    lost: frozenset[str] = frozenset()
    """Keywords that do not arrive."""
    broken: str | None = None
    """Why the schema as a whole could not be sent; None if it was."""


EVERYTHING = SchemaSupport()

MAX_COUNT = 5_000
"""Schemas in one of which more are not compiled: that takes half a second, in which nobody else is served."""


def compiled(schema: Any, support: SchemaSupport) -> CompiledSchema:
    """`schema` as a target with this `support` takes it; the same object if nothing is to be changed."""
    if not isinstance(schema, dict):
        return _any_object("it is not an object", support)
    types = types_of(schema)
    if types is not None and "object" not in (ALIASES.get(str(name).lower()) for name in types):
        return _any_object("it describes no object", support)
    references = References(schema)
    if (reference := references.dangling()) is not None:
        return _any_object(f"{reference} leads nowhere", support)
    if support == EVERYTHING or (_only_plain(support) and is_plain(schema)):
        return CompiledSchema(schema)
    if references.count > MAX_COUNT:
        return _any_object(f"it has more than {MAX_COUNT} schemas inside", support)
    return _compiled(schema, support, references)


def _compiled(original: Schema, support: SchemaSupport, references: References) -> CompiledSchema:
    schema = original
    same: set[str] = set()
    lost: set[str] = set()
    is_plain_already = "plain-root" not in support.limits or is_plain(schema)
    is_moved = not is_plain_already or support.keywords is not None
    if not _takes_references(support) or (is_moved and (references.old or not references.simple)):
        schema, gone, cut = inlined(schema, references)
        same |= gone
        if cut:
            lost.add("$ref")
    if is_moved:
        schema = repaired(schema, lost)
        if schema.pop("$schema", None) is not None:
            same.add("$schema")
    flattener = Flattener(references)
    if not is_plain_already:
        schema = flattener.plain(schema)
    node = NodeCompiler(support)
    schema = without_cuts(schema) if _only_plain(support) else node.root(schema)
    lost |= flattener.lost | node.target.lost
    told = (flattener.told | node.target.told) - lost
    return CompiledSchema(
        original if schema == original else schema,
        joined_words(*flattener.words, *node.words),
        frozenset((same | flattener.same | node.target.same) - told - lost),
        frozenset(told),
        frozenset(lost),
    )


def _takes_references(support: SchemaSupport) -> bool:
    """Whether references may stay. Where `allOf` has to be joined, they have to be put in place first."""
    return support.keywords is None or support.keywords >= {"$ref", "allOf"}


def _only_plain(support: SchemaSupport) -> bool:
    return support == SchemaSupport(limits=support.limits) and support.limits <= {"plain-root"}


def _any_object(why: str, support: SchemaSupport) -> CompiledSchema:
    schema: Schema = {"type": "object"}
    if "plain-root" in support.limits:
        schema["properties"] = {}
    return CompiledSchema(schema, broken=why)
