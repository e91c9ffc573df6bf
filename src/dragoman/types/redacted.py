"""Values that can be printed: what they hold of secrets stays out of their `repr`."""

from typing import Any, ClassVar

from msgspec import Struct
from msgspec.structs import asdict


class Redacted(Struct, frozen=True):
    """A struct that prints `…` for each of its `hidden` fields that is set, to rich and to debuggers too."""

    hidden: ClassVar[frozenset[str]] = frozenset()

    def __repr__(self) -> str:
        return f"{type(self).__name__}({', '.join(f'{name}={value!r}' for name, value in self.__rich_repr__())})"

    def __rich_repr__(self) -> list[tuple[str, Any]]:
        return [(name, "…" if name in self.hidden and value else value) for name, value in asdict(self).items()]
