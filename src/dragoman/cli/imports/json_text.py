"""JSON as people write it in configurations: with comments and commas before a closing bracket."""

import json
import re

from dragoman.cli.imports.tree import DEEP
from dragoman.errors import ConfigurationError

TOKEN = re.compile(
    r"""
    (?P<text> "(?:[^"\\\n]|\\.)*" )
    | (?P<comment> //[^\n]* | /\*(?:[^*]|\*(?!/))*+\*/ )
    | (?P<comma> , (?= (?: \s | //[^\n]* | /\*(?:[^*]|\*(?!/))*+\*/ )*+ [\]}] ) )
    """,
    re.VERBOSE,
)


def parse(text: str) -> object:
    """The value. Raises ConfigurationError with the line that is wrong; shows nothing of the text."""
    try:
        return json.loads(TOKEN.sub(_plain, text), object_pairs_hook=_once)
    except json.JSONDecodeError as exc:
        raise ConfigurationError(f"line {exc.lineno}: expected JSON ({exc.msg}, column {exc.colno})") from exc
    except RecursionError as exc:
        raise ConfigurationError(DEEP) from exc
    except ValueError as exc:  # a number of thousands of digits
        raise ConfigurationError("expected numbers of at most 4,300 digits, got a longer one") from exc


def _plain(found: re.Match[str]) -> str:
    """Spaces of the same length for what JSON does not know, so that places in messages stay right."""
    return found[0] if found["text"] else re.sub(r"[^\n]", " ", found[0])


def _once(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise ConfigurationError(f"expected every key once in its table, got {twice[:64]!r} twice")
    return found
