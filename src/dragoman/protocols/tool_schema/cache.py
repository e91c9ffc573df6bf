"""Compiled schemas that are asked for again: agents send the same tools with each request. Knows no vendor."""

from collections.abc import Callable
from typing import Any

import msgspec

from dragoman.protocols.tool_schema.compiler import CompiledSchema, compiled
from dragoman.types import SchemaSupport

MAX_ENTRIES = 256
"""Schemas that are kept; when there are more, all are forgotten. An agent has 10 to 60 tools."""

MAX_BYTES = 16 << 10
"""Bytes of a schema, and of what it became, above which it is not kept: one of a known agent has 2 KiB."""


MISSING = CompiledSchema({})


class SchemaCache:
    """Compiles each schema once; `compile_`: how."""

    def __init__(self, compile_: Callable[[Any, SchemaSupport], CompiledSchema] = compiled) -> None:
        self._compile = compile_
        self._known: dict[tuple[bytes, SchemaSupport], CompiledSchema | None] = {}
        """What became of each; None if it stays as it is. Several threads may look and add at a time."""

    def compiled(self, schema: Any, support: SchemaSupport) -> CompiledSchema:
        """What `compile_` gives."""
        key = msgspec.json.encode(schema), support
        known = self._known.get(key, MISSING)
        if known is not MISSING:
            return known or CompiledSchema(schema)
        result = self._compile(schema, support)
        if len(key[0]) <= MAX_BYTES and len(msgspec.json.encode(result.schema)) <= MAX_BYTES:
            if len(self._known) >= MAX_ENTRIES:
                self._known.clear()
            self._known[key] = None if result.schema is schema else result
        return result
