"""YAML as plain values. Knows no program."""

from typing import Any

from dragoman.errors import ConfigurationError
from dragoman.wire.utf8 import well_formed


def parse(text: str) -> object:
    """The value. Raises ConfigurationError with the line that is wrong; shows nothing of the text."""
    try:
        import yaml  # the only one who needs the extra
    except ImportError as exc:
        raise ConfigurationError(
            "YAML needs PyYAML: install the extra `import` (pip install 'dragoman[import]')"
        ) from exc

    class Loader(yaml.SafeLoader):  # type: ignore[misc]  # it has no types
        """The safe one, to which a character that is escaped as JSON does, in two halves, is one character."""

        def construct_scalar(self, node: Any) -> Any:
            value = super().construct_scalar(node)
            return well_formed(value) if isinstance(value, str) else value

    try:
        _check_once(yaml.compose(text, yaml.SafeLoader))
        return Loader(text).get_single_data()
    except yaml.MarkedYAMLError as exc:
        place = f"line {exc.problem_mark.line + 1}: " if exc.problem_mark else ""
        raise ConfigurationError(f"{place}expected YAML") from exc
    except RecursionError as exc:
        raise ConfigurationError("expected YAML, got lists or tables too deep in each other") from exc
    except (yaml.YAMLError, ValueError, LookupError, AttributeError, TypeError) as exc:
        # PyYAML lets the faults of int(), datetime() and of its own tables out as they are.
        raise ConfigurationError("expected YAML, got a value that does not fit its tag") from exc


def _check_once(root: Any) -> None:
    """Raises ConfigurationError if a table has a key twice: PyYAML would take the last without a word."""
    waiting, seen = [root], set()
    while waiting:
        node = waiting.pop()
        # Text has no others in it; an alias is the node that it stands for, and may be inside of itself.
        if not isinstance(node.value if node else "", list) or id(node) in seen:
            continue
        seen.add(id(node))
        names = set()
        for item in node.value:
            key, *values = item if isinstance(item, tuple) else (None, item)
            waiting += values
            if key is not None and isinstance(key.value, str):
                if key.value in names:
                    line = key.start_mark.line + 1
                    raise ConfigurationError(f"line {line}: expected every key once in its table, got one twice")
                names.add(key.value)
