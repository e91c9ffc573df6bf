"""Secrets of another program's file: a name of a variable or file stays one; a key in clear is written if it may be."""

import re
from collections.abc import Callable

from msgspec import Struct

from dragoman.cli.imports.ledger import Verdict
from dragoman.cli.imports.tree import Node, fits
from dragoman.config.value_types import TextValue

CLEAR = (
    "a key in clear is written only into a file (--output): put it into a variable, and write {where} = "
    '{ env = "NAME" }'
)


class Reference(Struct, frozen=True):
    """Text that stands for a secret somewhere else."""

    source: dict[str, str]
    """`{"env": NAME}` or `{"file": PATH}`; empty if dragoman cannot follow it."""
    words: str = ""
    """What to do then."""


class Reading(Struct, frozen=True):
    """What was read as a secret."""

    value: object
    """For the setting; None if there is nothing to write."""
    verdict: Verdict
    words: str
    """The sentence for the report; `{where}` in it becomes the name of the setting."""


class Keyring(Struct, frozen=True):
    """How secrets of a file are read."""

    follow: Callable[[str], Reference | None]
    """What the text refers to; None if it is the secret itself."""
    in_clear: bool
    """Whether secrets may be written as they are."""

    def take(self, node: Node, kind: TextValue, where: str) -> object:
        """Reads `node` for the setting `where`, and enters it in the ledger. Returns the value; None: write nothing."""
        reading = self.read(node.value, kind)
        settle(node, reading, where)
        return reading.value

    def read(self, value: object, kind: TextValue) -> Reading:
        """What `value` is for a setting of `kind`."""
        if value is None or value == "":
            return Reading(None, Verdict.EXACT, "it is empty: none is sent")
        if not isinstance(value, str):
            return Reading(None, Verdict.BY_HAND, "expected text: write {where} yourself")
        found = self.follow(value)
        if found is not None:
            if found.source:
                return Reading(found.source, Verdict.EXACT, "{where}")
            return Reading(None, Verdict.BY_HAND, f"{found.words}: write {{where}} yourself")
        if not fits(kind, value):
            return Reading(None, Verdict.BY_HAND, "a service would not take it: write {where} yourself")
        if not self.in_clear and not (kind.harmless and re.fullmatch(kind.harmless, value)):
            return Reading(None, Verdict.BY_HAND, CLEAR)
        return Reading(value, Verdict.EXACT, "{where}")


def settle(node: Node, reading: Reading, where: str) -> None:
    """Enters in the ledger what became of `node`, which was read for the setting `where`."""
    node.ledger.settle(node.path, reading.verdict, reading.words.replace("{where}", where))
