"""Objects that have no other properties than those that are declared, as some services demand. Knows no vendor."""

from typing import Any

from dragoman.protocols.tools.schema.keywords import mapped, types_of

OTHERS = "additionalProperties"


class Closer:
    """Closes every object that declares properties. What it did is in its sets, by keyword."""

    def __init__(self) -> None:
        self.same: set[str] = set()
        """Nothing was asked for: other properties were not forbidden."""
        self.lost: set[str] = set()
        """Other properties were asked for."""

    def closed(self, schema: Any) -> Any:
        """The schema, and all inside of it, with its objects closed."""
        if not isinstance(schema, dict):
            return schema
        found = {name: mapped(name, value, self.closed) for name, value in schema.items()}
        is_object = "object" in (types_of(schema) or ()) or "type" not in schema
        if is_object and "properties" in schema and schema.get(OTHERS) is not False:
            (self.lost if OTHERS in schema else self.same).add(OTHERS)
            found[OTHERS] = False
        return found
