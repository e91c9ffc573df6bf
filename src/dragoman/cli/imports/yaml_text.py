"""YAML as plain values. Knows no program."""

from dragoman.errors import ConfigurationError


def parse(text: str) -> object:
    """The value. Raises ConfigurationError with the line that is wrong; shows nothing of the text."""
    try:
        import yaml  # the only one who needs the extra
    except ImportError as exc:
        raise ConfigurationError(
            "YAML needs PyYAML: install the extra `import` (pip install 'dragoman[import]')"
        ) from exc
    try:
        return yaml.safe_load(text)
    except yaml.MarkedYAMLError as exc:
        place = f"line {exc.problem_mark.line + 1}: " if exc.problem_mark else ""
        raise ConfigurationError(f"{place}expected YAML") from exc
    except RecursionError as exc:
        raise ConfigurationError("expected YAML, got lists or tables too deep in each other") from exc
    except (yaml.YAMLError, ValueError, LookupError, AttributeError, TypeError) as exc:
        # PyYAML lets the faults of int(), datetime() and of its own tables out as they are.
        raise ConfigurationError("expected YAML, got a value that does not fit its tag") from exc
