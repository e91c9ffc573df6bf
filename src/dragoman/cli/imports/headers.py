"""Header fields that another program adds to its requests, for `headers` of an entry."""

from collections.abc import Mapping

from dragoman.cli.imports.draft import Draft
from dragoman.cli.imports.keys import Keyring
from dragoman.cli.imports.tree import Node, fits
from dragoman.config.schema import FIELD_NAME, FIELD_VALUE

OURS = "dragoman writes this field itself"
AGAIN = "this field is there twice: only the first is taken"


def take_headers(draft: Draft, keyring: Keyring, entry: str, fields: Mapping[str, Node]) -> None:
    """Adds `fields`, by their names, to `entry`, and enters each in the ledger."""
    where = f"providers.{entry}.headers"
    found: dict[str, object] = {}
    for name, node in fields.items():
        if not fits(FIELD_NAME, name):
            node.impossible(OURS)
        elif name.lower() in map(str.lower, found):
            node.by_hand(AGAIN)
        elif (value := keyring.take(node, FIELD_VALUE, where)) is not None:
            found[name] = value
    if found:
        draft.providers[entry]["headers"] = found
