"""The schemas of a tool, or the form of an answer, compiled to what a target takes of JSON Schema. Knows no vendor.

Services refuse a request with a keyword that they do not know, and with it all tools. So a schema is compiled:

1. References are put in place of what they lead to, unless the target takes them (`references`).
2. Older drafts become the newest; what no draft has is left out (`repair`).
3. The top becomes a plain object (`root`).
4. Keyword by keyword, what the target does not take is said in another way that means the same, or else in the
   description, in words (`node`, `words`). What words cannot say is lost, by name.

The rule for each step: a value that was valid stays valid. A model may be told less than the caller asked, never more.
So what stands below `not`, `if` and `oneOf`, where less becomes more, is either exact or in words.

Parameters that cannot be understood become those of a tool that takes any object, and such a schema of its result is
left out: one bad tool must not cost the others.
That of a form is left to the service, which says what is wrong with it. Where a service demands that objects have no
other properties, a form allows less than the caller did: its answers are valid all the same.
"""

from collections.abc import Callable
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from dragoman.protocols.tools.schema.array_items import ItemsFiller
from dragoman.protocols.tools.schema.closed import Closer
from dragoman.protocols.tools.schema.keywords import Schema, children, types_of
from dragoman.protocols.tools.schema.node import NodeCompiler
from dragoman.protocols.tools.schema.plain_names import named
from dragoman.protocols.tools.schema.plain_patterns import PatternTeller
from dragoman.protocols.tools.schema.references import References, inlined
from dragoman.protocols.tools.schema.repair import ALIASES, repaired
from dragoman.protocols.tools.schema.root import Flattener, is_plain
from dragoman.protocols.tools.schema.words import joined_words, without_cuts
from dragoman.types import SchemaSupport
from dragoman.types.schemas import SchemaLimit
from dragoman.wire import json


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

OF_OBJECTS: frozenset[SchemaLimit] = frozenset({"plain-root", "open-objects", "plain-names"})
"""Limits of schemas that must be objects."""

PLAIN_PATTERNS: SchemaLimit = "plain-patterns"

FORMS: frozenset[SchemaLimit] = frozenset({"plain-root", "references", "old-drafts"})
"""Limits that are kept without a look at each keyword."""

MAX_COUNT = 5_000
"""Schemas in one of which more are not compiled: that takes half a second, in which nobody else is served."""

FEW, TIMES, MAX_TEXT = 16 << 10, 16, 128 << 10
"""Bytes of a compiled schema: at most TIMES as many as the caller's own has, but FEW always, and above MAX_TEXT only
twice as many. Alternatives that multiply make half a MiB of 400 bytes; OpenAI takes 120,000 characters of names and
values, and references to one large definition make ten times the text."""

TOO_MANY = "alternatives or references would make it many times as large"


def compiled(schema: Any, support: SchemaSupport) -> CompiledSchema:
    """`schema` as a target with this `support` takes it; the same object if nothing is to be changed."""
    if PLAIN_PATTERNS in support.limits:
        return _with_plain_patterns(compiled, schema, support)
    if "plain-names" in support.limits:
        found = compiled(schema, replace(support, limits=support.limits - {"plain-names"}))
        plain, words = named(found.schema)
        return replace(
            found,
            schema=plain,
            words=joined_words(found.words, *words),
            told=found.told | ({"properties"} - found.lost) if words else found.told,
        )
    if "array-items" in support.limits and support.keywords is None:
        # All else may stay as it is, references too.
        found = compiled(schema, replace(support, limits=support.limits - {"array-items"}))
        filler = ItemsFiller()
        filled, lost = filler.filled(found.schema), found.lost | filler.lost
        return replace(found, schema=filled, same=found.same - lost, told=found.told - lost, lost=lost)
    if not isinstance(schema, dict):
        return _any_object("it is not an object", support)
    types = types_of(schema)
    if types is not None and "object" not in (ALIASES.get(str(name).lower()) for name in types):
        return _any_object("it describes no object", support)
    references = References(schema)
    if (reference := references.dangling()) is not None:
        return _any_object(f"{reference} leads nowhere", support)
    if support == EVERYTHING or (_only_forms(support) and _is_fine(schema, support, references)):
        return CompiledSchema(schema)
    if references.count > MAX_COUNT:
        return _any_object(f"it has more than {MAX_COUNT} schemas inside", support)
    return _compiled(schema, support, references) or _any_object(TOO_MANY, support)


def compiled_output(schema: Any, support: SchemaSupport) -> CompiledSchema:
    """The same for the result of a tool, which may be no object; if `broken`, there is none."""
    if PLAIN_PATTERNS in support.limits:
        return _with_plain_patterns(compiled_output, schema, support)
    references = References(schema)
    if (reference := references.dangling()) is not None:
        return CompiledSchema({}, broken=f"{reference} leads nowhere")
    if references.count > MAX_COUNT:
        return CompiledSchema({}, broken=f"it has more than {MAX_COUNT} schemas inside")
    form = _form(schema, replace(support, limits=support.limits - OF_OBJECTS), references)
    return form or CompiledSchema({}, broken=TOO_MANY)


def compiled_form(schema: Any, support: SchemaSupport) -> CompiledSchema:
    """The same for the form of an answer, which may be no object; one that cannot be compiled stays as it is."""
    if not isinstance(schema, dict):
        return CompiledSchema(schema)
    if PLAIN_PATTERNS in support.limits:
        return _with_plain_patterns(compiled_form, schema, support)
    references = References(schema)
    if references.dangling() is not None or references.count > MAX_COUNT:
        return CompiledSchema(schema)
    return _form(schema, support, references) or CompiledSchema(schema)


def _with_plain_patterns(
    compile_: Callable[[Any, SchemaSupport], CompiledSchema], schema: Any, support: SchemaSupport
) -> CompiledSchema:
    """What `compile_` gives, without regular expressions that the target cannot read."""
    teller = PatternTeller()
    plain = teller.root(schema)
    found = compile_(plain, replace(support, limits=support.limits - {PLAIN_PATTERNS}))
    if plain is schema or found.broken is not None:
        return found
    lost = found.lost | teller.lost
    told = (found.told | teller.told) - lost
    return replace(
        found, words=joined_words(*teller.words, found.words), same=found.same - told - lost, told=told, lost=lost
    )


def _form(schema: Schema, support: SchemaSupport, references: References) -> CompiledSchema | None:
    """A schema that may describe something else than an object; None if it would have too many inside."""
    if support == EVERYTHING:
        return CompiledSchema(schema)
    if not _is_spoken(schema, support) or ("references" in support.limits and references.any):
        found: CompiledSchema | None = _compiled(schema, support, references)
    else:
        found = CompiledSchema(schema)
    if found is None or "open-objects" not in support.limits:
        return found
    closer = Closer()
    closed = closer.closed(found.schema)
    same, lost = found.same | closer.same, found.lost | closer.lost
    return CompiledSchema(schema if closed == schema else closed, found.words, same - lost, found.told - lost, lost)


def _is_spoken(schema: Any, support: SchemaSupport) -> bool:
    """Whether the target takes each keyword of a schema, and each value of `format`."""
    if not isinstance(schema, dict):
        return True
    keywords, formats = support.keywords, support.formats
    return (
        (keywords is None or schema.keys() <= keywords)
        and (formats is None or schema.get("format") in (None, *formats))
        and all(_is_spoken(inner, support) for inner in children(schema))
    )


def _compiled(original: Schema, support: SchemaSupport, references: References) -> CompiledSchema | None:
    schema, count = original, references.count
    same: set[str] = set()
    lost: set[str] = set()
    is_plain_already = "plain-root" not in support.limits or is_plain(schema)
    if "references" in support.limits and references.any and schema.get("$schema") is not None:
        schema = {name: value for name, value in schema.items() if name != "$schema"}
        same.add("$schema")
    is_moved = not is_plain_already or support.keywords is not None or _is_old(schema, support)
    if not _takes_references(support) or (is_moved and (references.old or not references.simple)):
        schema, gone, cut, count = inlined(schema, references)
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
    node = NodeCompiler(support, count)
    compiled = without_cuts(schema) if _only_forms(support) else node.root(schema)
    if compiled is None or _is_swollen(compiled, original):
        return None
    lost |= flattener.lost | node.target.lost
    told = (flattener.told | node.target.told) - lost
    return CompiledSchema(
        original if compiled == original else compiled,
        joined_words(*flattener.words, *node.words),
        frozenset((same | flattener.same | node.target.same) - told - lost),
        frozenset(told),
        frozenset(lost),
    )


def _is_swollen(compiled: Schema, original: Schema) -> bool:
    size = len(json.encode(compiled))
    if size <= FEW:
        return False
    own = len(json.encode(original))
    return size > max(min(TIMES * own, MAX_TEXT), 2 * own)


def _takes_references(support: SchemaSupport) -> bool:
    """Whether references may stay. Where `allOf` has to be joined, they have to be put in place first."""
    return "references" not in support.limits and (support.keywords is None or support.keywords >= {"$ref", "allOf"})


def _only_forms(support: SchemaSupport) -> bool:
    """Whether the target takes all keywords, and refuses at most FORMS."""
    return support == SchemaSupport(limits=support.limits) and support.limits <= FORMS


def _is_fine(schema: Schema, support: SchemaSupport, references: References) -> bool:
    limits = support.limits
    is_free = "references" not in limits or not references.any
    return is_free and ("plain-root" not in limits or is_plain(schema)) and not _is_old(schema, support)


def _is_old(schema: Schema, support: SchemaSupport) -> bool:
    """Whether the target would refuse words of it that the newest draft does not have."""
    return "old-drafts" in support.limits and repaired(schema, set()) != schema


def _any_object(why: str, support: SchemaSupport) -> CompiledSchema:
    schema: Schema = {"type": "object"}
    if "plain-root" in support.limits:
        schema["properties"] = {}
    return CompiledSchema(schema, broken=why)
