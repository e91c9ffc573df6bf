"""The path of a setting, and how it is written. Knows no setting."""

from collections.abc import Mapping

import msgspec

Key = str | int
Keys = tuple[Key, ...]
"""The path of a setting: names of tables and keys, and in a list the index from 0."""


def origin(origins: Mapping[Keys, str], keys: Keys) -> str:
    """The place of `keys`, or of the nearest table around it whose place is known; empty if there is none."""
    return next((origins[keys[:size]] for size in range(len(keys), -1, -1) if keys[:size] in origins), "")


def dotted(keys: Keys) -> str:
    """`models."gpt-4.1".targets[0]`, as TOML spells it."""
    spelt = "".join(f"[{key}]" if isinstance(key, int) else f".{_bare(key)}" for key in keys)
    return spelt.removeprefix(".")


def _bare(key: str) -> str:
    plain = key.replace("-", "").replace("_", "")
    return key if plain.isascii() and plain.isalnum() else msgspec.json.encode(key).decode()
