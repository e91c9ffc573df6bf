"""Bytes: text, server-sent events, JSON and JSON lines, both ways. Knows no vendor."""
