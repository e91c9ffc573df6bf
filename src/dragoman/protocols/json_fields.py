"""A caller's JSON, read strictly: an error names the field, what was expected and what came. Knows no vendor."""

from collections.abc import Mapping
from math import isfinite
from typing import Any

from dragoman.errors import InvalidRequestError

KINDS: dict[type, str] = {
    str: "a string",
    bool: "a boolean",
    int: "an integer",
    float: "a number",
    list: "a list",
    tuple: "a list",
    dict: "an object",
    type(None): "nothing",
}


def kind(value: object) -> str:
    """The type of `value`, in JSON's words."""
    return KINDS.get(type(value), "an object" if isinstance(value, Mapping) else "something that JSON cannot say")


def refused(path: str, reason: str) -> InvalidRequestError:
    """The error that refuses the field at `path`."""
    return InvalidRequestError(f"{path}: {reason}", param=path)


def wrong_type(path: str, expected: str, value: object) -> InvalidRequestError:
    """The error that refuses `value`; its message names only the type of the value."""
    return refused(path, f"expected {expected}, got {kind(value)}")


class Fields:
    """The fields of one object. A field that is read is removed from `rest`; null counts as missing."""

    def __init__(self, value: object, path: str = "") -> None:
        if type(value) is not dict and not isinstance(value, Mapping):  # an abstract class takes ten times as long
            raise wrong_type(path or "the body", "an object", value)
        self.rest: dict[str, Any] = dict(value)
        self._path = path

    def path(self, name: str) -> str:
        """The path of the field called `name`."""
        return f"{self._path}.{name}" if self._path else name

    def any(self, name: str) -> Any:
        """The value, of any type; None if it is missing."""
        return self.rest.pop(name, None)

    def text(self, name: str) -> str | None:
        value = self.rest.pop(name, None)
        if value is None or isinstance(value, str):
            return value
        raise wrong_type(self.path(name), "a string", value)

    def required_text(self, name: str) -> str:
        """A string, which must not be missing."""
        value = self.rest.pop(name, None)
        if isinstance(value, str):
            return value
        raise wrong_type(self.path(name), "a string", value)

    def boolean(self, name: str) -> bool | None:
        value = self.rest.pop(name, None)
        if value is None or isinstance(value, bool):
            return value
        raise wrong_type(self.path(name), "a boolean", value)

    def integer(self, name: str) -> int | None:
        value = self.rest.pop(name, None)
        if value is None or (isinstance(value, int) and not isinstance(value, bool)):
            return value
        raise wrong_type(self.path(name), "an integer", value)

    def whole_number(self, name: str) -> int | None:
        """An integer, which may be written as `40.0`."""
        value = self.rest.get(name)
        if isinstance(value, float) and value.is_integer():
            self.rest[name] = int(value)
        return self.integer(name)

    def number(self, name: str) -> float | None:
        value = self.rest.pop(name, None)
        if value is None:
            return None
        if isinstance(value, int | float) and not isinstance(value, bool) and is_finite(value):
            return value
        raise wrong_type(self.path(name), "a finite number", value)

    def object(self, name: str) -> dict[str, Any] | None:
        """An object, as it came."""
        value = self.rest.pop(name, None)
        if value is None:
            return None
        if isinstance(value, Mapping):
            return dict(value)
        raise wrong_type(self.path(name), "an object", value)

    def fields(self, name: str) -> "Fields":
        """The fields of an object, which must not be missing."""
        return Fields(self.rest.pop(name, None), self.path(name))

    def strings(self, name: str, *, alone: bool = False) -> tuple[str, ...]:
        """The strings of a list; empty if the list is missing. `alone`: one may be written without a list."""
        if alone and isinstance(self.rest.get(name), str):
            return (self.required_text(name),)
        strings = []
        for path, value in self.items(name):
            if not isinstance(value, str):
                raise wrong_type(path, "a string", value)
            strings.append(value)
        return tuple(strings)

    def items(self, name: str) -> list[tuple[str, Any]]:
        """The entries of a list, each with its path; empty if the list is missing."""
        value = self.rest.pop(name, None)
        if value is None:
            return []
        if isinstance(value, list | tuple):
            return entries(value, self.path(name))
        raise wrong_type(self.path(name), "a list", value)


def is_finite(number: float) -> bool:
    """Whether it fits a double: an integer may be too large."""
    try:
        return isfinite(number)
    except OverflowError:
        return False


def entries(values: list[Any] | tuple[Any, ...], path: str) -> list[tuple[str, Any]]:
    """The entries of a list, each with its path."""
    return [(f"{path}[{i}]", value) for i, value in enumerate(values)]
