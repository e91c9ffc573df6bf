"""Arrays that say what their items are, even if they may be anything. Knows no vendor."""

from typing import Any

from dragoman.protocols.tools.schema.keywords import REFERENCES, mapped, types_of

REST = "unevaluatedItems"

EVALUATING = frozenset({"anyOf", "oneOf", "allOf", "not", "if", "contains", "dependentSchemas", *REFERENCES})
"""Keywords beside which `unevaluatedItems` means something else than `items`."""


class ItemsFiller:
    """Gives `items` to each array that has none. What it did is in its set, by keyword."""

    def __init__(self) -> None:
        self.lost: set[str] = set()
        """`items` makes all items evaluated."""

    def filled(self, schema: Any) -> Any:
        """The schema, and all inside of it, with `items`; the same object if none lacks them."""
        if not isinstance(schema, dict):
            return schema
        found = {name: mapped(name, value, self.filled) for name, value in schema.items()}
        if "array" in (types_of(found) or ()) and "items" not in found:
            rest = found.pop(REST, True)
            if rest is not True and not EVALUATING.isdisjoint(found):
                self.lost.add(REST)
                rest = True
            found["items"] = {} if rest is True else rest
        return schema if found == schema else found
