"""What services with OpenAI's protocols take of JSON Schema, whatever their models do."""

from dragoman.types import SchemaSupport

PLAIN_PATTERNS = SchemaSupport(limits=frozenset({"plain-patterns"}))
"""OpenAI reads regular expressions with Python's `re`, and refuses all of a request for one that it cannot read: each
request of Claude Code 2.1.265 (Alishahryar1/free-claude-code#1730, lidge-jun/opencodex#4072; 2026-11-29)."""
