"""Bytes: text, server-sent events, JSON and JSON lines, read and written. Knows no vendor."""
