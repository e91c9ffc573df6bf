"""A gateway under mixed traffic for minutes: what it holds on to, and whether its log tells what callers saw."""
