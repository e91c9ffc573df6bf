"""Compiled schemas that are asked for again: agents send the same tools with each request. Knows no vendor."""

from collections.abc import Callable
from contextvars import ContextVar
from typing import Any, ParamSpec, TypeVar

import msgspec

from dragoman.protocols.tools.schema.compiler import CompiledSchema, compiled, compiled_form, compiled_output
from dragoman.types import SchemaSupport

MAX_ENTRIES = 256
"""Schemas that are kept; when there are more, all are forgotten. An agent has 10 to 60 tools."""

MAX_BYTES = 16 << 10
"""Bytes of a schema, and of what it became, above which it is not kept: one of a known agent has 2 KiB."""


MISSING = CompiledSchema({})

P = ParamSpec("P")
T = TypeVar("T")

_known_only: ContextVar[bool] = ContextVar("known_only", default=False)
"""Whether a schema that is not kept may not be compiled."""


class NewSchemaError(Exception):
    """A schema would have to be compiled."""


def with_known(work: Callable[P, T], *args: P.args, **options: P.kwargs) -> T:
    """What `work` returns. Raises NewSchemaError if it needs a schema that is not kept."""
    token = _known_only.set(True)
    try:
        return work(*args, **options)
    finally:
        _known_only.reset(token)


class SchemaCache:
    """Compiles each schema once; `compile_`: how."""

    def __init__(self, compile_: Callable[[Any, SchemaSupport], CompiledSchema] = compiled) -> None:
        self._compile = compile_
        self._known: dict[tuple[bytes, SchemaSupport], CompiledSchema | None] = {}
        """What became of each; None if it stays as it is. Several threads may look and add at a time."""

    def compiled(self, schema: Any, support: SchemaSupport) -> CompiledSchema:
        """What `compile_` gives. Raises NewSchemaError within `with_known`."""
        key = msgspec.json.encode(schema), support
        known = self._known.get(key, MISSING)
        if known is not MISSING:
            return known or CompiledSchema(schema)
        if _known_only.get():
            raise NewSchemaError
        result = self._compile(schema, support)
        if len(key[0]) <= MAX_BYTES and len(msgspec.json.encode(result.schema)) <= MAX_BYTES:
            if len(self._known) >= MAX_ENTRIES:
                self._known.clear()
            self._known[key] = None if result.schema is schema else result
        return result


SCHEMAS, OUTPUTS, FORMS = SchemaCache(), SchemaCache(compiled_output), SchemaCache(compiled_form)
"""Those of tools, of results and of answers, for all codecs: a codec is made for each call."""
