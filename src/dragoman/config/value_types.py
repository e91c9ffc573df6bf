"""Kinds of values that keys may have, and how a value is checked. Knows no key."""

import math
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import assert_never

from msgspec import Struct

from dragoman.config.faults import WrongError, quoted, shown
from dragoman.config.folders import homed
from dragoman.config.keys import Key
from dragoman.config.secrets import FORMS, Sources, fetched, placed
from dragoman.error_words import nearest


class TextValue(Struct, frozen=True):
    """Text of a certain form."""

    expected: str
    """The form in words, for messages."""
    pattern: str
    """The form as a regular expression for the complete text."""
    secret: bool = False
    """Whether it is never shown. One of FORMS may stand in place of a secret."""
    conceal: str = ""
    """A wrong text with one of these characters is not shown, because a part of it may be secret."""
    harmless: str = ""
    """A regular expression for values that are not secret, although `secret` is set."""


class Place(Struct, frozen=True):
    """The path of a file. A relative one starts from the folder of the configuration file that holds it; `~` is the
    user's home."""

    of: TextValue


class OptionalText(Struct, frozen=True):
    """Text, or empty text, which means off and becomes None."""

    of: TextValue


class Integer(Struct, frozen=True):
    """An integer."""

    least: int
    most: int | None = None


class Number(Struct, frozen=True):
    """A number, which is finite."""

    least: float
    most: float | None = None


class Seconds(Struct, frozen=True):
    """A number of seconds above 0, or of at least `least`; `inf` means no limit and becomes None."""

    least: float | None = None


class Boolean(Struct, frozen=True):
    """True or false."""


class Switch(Struct, frozen=True):
    """True or false, or a number of seconds above 0, which means true."""


class OneOf(Struct, frozen=True):
    """One of several texts."""

    words: tuple[str, ...]


class Record(Struct, frozen=True):
    """A table of known keys; or text, which then is the value of one of them."""

    build: Callable[..., object]
    """Makes the value of a table; its arguments are the keys."""
    text: str | None
    """The key that text alone is. It must be set. None: text alone is wrong."""
    keys: "dict[str, Kind]"


class ListOf(Struct, frozen=True):
    """A list of different texts, or records."""

    of: TextValue | Record
    least: int = 0
    alone: bool = False
    """Whether one text may stand without a list around it."""


class OneItemList(Struct, frozen=True):
    """One text, read as a list of one."""

    of: TextValue


class TableOf(Struct, frozen=True):
    """A table of texts, under names that the user chooses."""

    names: TextValue
    of: TextValue
    folded: bool = False
    """Whether names that differ in upper and lower case alone are the same."""


Kind = (
    TextValue
    | Place
    | OptionalText
    | Integer
    | Number
    | Seconds
    | Boolean
    | Switch
    | OneOf
    | Record
    | ListOf
    | OneItemList
    | TableOf
)

WHOLE = re.compile(r"-?[0-9]{1,18}")
DECIMAL = re.compile(r"-?[0-9]{1,18}(\.[0-9]{1,18})?|inf")
LONG_NUMBER = 10**18
"""Numbers must be less, and seconds as well: this is more than 30 thousand million years."""
WORDS = {"true": True, "false": False}
TRUTH = WORDS | {"1": True, "0": False}


def is_secret(kind: Kind) -> bool:
    """Whether values of this kind are never shown."""
    match kind:
        case TextValue():
            return kind.secret
        case Place(of) | OptionalText(of) | ListOf(of) | OneItemList(of) | TableOf(of=of):
            return is_secret(of)
        case Integer() | Number() | Seconds() | Boolean() | Switch() | OneOf() | Record():
            return False
        case _:
            assert_never(kind)


def may_be_file(kind: Kind) -> bool:
    """Whether an environment variable may name a file with the value: each text of a table has a file of its own."""
    return is_secret(kind) and not isinstance(kind, TableOf)


def expected(kind: Kind) -> str:
    """What is expected, for messages."""
    match kind:
        case TextValue(words, secret=secret):
            return f"{words}, {FORMS}" if secret else words
        case Place(of) | OptionalText(of) | OneItemList(of):
            return expected(of)
        case Integer(least, None):
            return f"a whole number of at least {least}"
        case Integer(least, most):
            return f"a whole number from {least} to {most}"
        case Number(least, None):
            return f"a number of at least {least:g}"
        case Number(least, most):
            return f"a number from {least:g} to {most:g}"
        case Seconds(None):
            return "a number of seconds above 0, or inf for no limit"
        case Seconds(least):
            return f"a number of seconds of at least {least:g}, or inf for no limit"
        case Record(keys=keys, text=text):
            return f"{f'{expected(keys[text])}, or tables' if text else 'a table'} of {', '.join(keys)}"
        case Boolean():
            return "true or false"
        case Switch():
            return "true, false or a number of seconds above 0"
        case OneOf(words):
            return " or ".join(map(quoted, words))
        case ListOf(of, alone=True):
            return f"{expected(of)}, or a list of such"
        case ListOf(of, least):
            return f"a list of {'at least one ' if least else ''}{expected(of)}"
        case TableOf(of=of):
            return f"a table of {expected(of)}"
        case _:
            assert_never(kind)


def checked(kind: Kind, value: object, sources: Sources) -> object:
    """The value in the type of its field. Raises WrongError."""
    match kind, value:
        case (TextValue(secret=True) as text, dict(source)):
            secret, where = fetched(source, expected(kind), sources)
            if not re.fullmatch(text.pattern, secret, re.DOTALL):
                raise WrongError(text.expected, shown(secret, secret=True) + where)
            return secret
        case (TextValue(_, pattern), str(text)) if re.fullmatch(pattern, text, re.DOTALL):
            return text
        case Place(of), str(path):
            checked(of, path, sources)
            return str(homed(path))
        case OptionalText(of), "":
            return None
        case OptionalText(of), _:
            return checked(of, value, sources)
        case (Integer(least, most), int(number)) if not isinstance(number, bool) and least <= number <= (
            most or number
        ):
            return number
        case (Seconds(least), float() | int()) if not isinstance(value, bool) and (
            (0 < value < LONG_NUMBER and (least or 0) <= value) or value == math.inf
        ):
            return None if value == math.inf else float(value)
        case (Number(least, most), float() | int()) if not isinstance(value, bool) and least <= value <= (
            LONG_NUMBER if most is None else most
        ):
            return float(value)
        case Boolean() | Switch(), bool():
            return value
        case (Switch(), float() | int()) if 0 < value < LONG_NUMBER:
            return float(value)
        case Record(), dict(table):
            return _record(kind, table, sources)
        case Record(text=str(name), keys=keys), str():
            return checked(keys[name], value, sources)
        case (OneOf(words), str(word)):
            if word in words:
                return word
            raise WrongError(expected(kind), shown(value), nearest(word, words))
        case (ListOf(TextValue(secret=True)), dict(source)):
            secret, _ = fetched(source, expected(kind), sources)
            return checked(kind, parsed(kind, ",".join(secret.splitlines())), sources)
        case (ListOf(of, least), list(items)) if len(items) >= least:
            return _many(of, items, sources)
        case ListOf(of, alone=True), str():
            return (checked(of, value, sources),)
        case OneItemList(of), _:
            return (checked(of, value, sources),)
        case TableOf(of=of), dict():
            _check_names(kind, value, sources)
            return {name: _inside(of, item, sources, name) for name, item in value.items()}
        case _:
            raise WrongError(expected(kind), shown(value, secret=is_secret(kind) or _conceals(kind, value)))


def parsed(kind: Kind, text: str) -> object:
    """The value that an environment variable's text means; items are separated by commas. Wrong text is unchanged."""
    match kind:
        case TextValue() | Place() | OptionalText() | OneOf() | OneItemList() | Record():
            return text
        case Integer():
            return int(text) if WHOLE.fullmatch(text) else text
        case Seconds() | Number():
            return float(text) if DECIMAL.fullmatch(text) else text
        case Boolean():
            return TRUTH.get(text.lower(), text)
        case Switch():
            return WORDS[text.lower()] if text.lower() in WORDS else float(text) if DECIMAL.fullmatch(text) else text
        case ListOf(of):
            items = [item.strip() for item in text.split(",") if item.strip()]
            # An empty file of keys, or a variable that was set from one that is missing, must not open what they close.
            return text if is_secret(of) and not items else items
        case TableOf(of=of):
            pairs = [item.partition("=") for item in text.split(",") if item.strip()]
            table = {name.strip(): value.strip() for name, _, value in pairs}
            # What has no name is a part of a secret; of two with one name neither is meant more.
            nameless = is_secret(of) and not all(mark for _, mark, _ in pairs)
            return text if nameless or len(table) < len(pairs) else table
        case _:
            assert_never(kind)


def anchored(kind: Kind, value: object, folder: Path) -> object:
    """`value` with relative paths in it made absolute, from `folder`."""
    match kind, value:
        case Place(), str(path) if path:
            return str(folder / homed(path))
        case (TextValue(secret=True) | ListOf(TextValue(secret=True)), dict(source)):
            return placed(source, folder)
        case ListOf(of), list(items):
            return [anchored(of, item, folder) for item in items]
        case TableOf(of=of), dict(items):
            return {name: anchored(of, item, folder) for name, item in items.items()}
        case OneItemList(of), _:
            return anchored(of, value, folder)
        case _:
            return value


def is_in_clear(kind: Kind, value: object) -> bool:
    """Whether `value` is the secret, and not one of FORMS."""
    match kind, value:
        case TextValue(secret=True, harmless=pattern), str(text):
            return not re.fullmatch(pattern, text)
        case ListOf(of), list(items):
            return any(is_in_clear(of, item) for item in items)
        case TableOf(of=of), dict(items):
            return any(is_in_clear(of, item) for item in items.values())
        case OneItemList(of), _:
            return is_in_clear(of, value)
        case _:
            return False


def _record(kind: Record, table: dict[str, object], sources: Sources) -> object:
    for name in table:
        if name not in kind.keys:
            hint = nearest(name, kind.keys) or f"; known are {', '.join(kind.keys)}"
            raise WrongError("a known key", "an unknown one", hint, below=(name,))
    if kind.text is not None and kind.text not in table:
        raise WrongError(kind.text, "none")
    return kind.build(**{name: _inside(kind.keys[name], item, sources, name) for name, item in table.items()})


def _check_names(kind: TableOf, table: Mapping[str, object], sources: Sources) -> None:
    known: set[str] = set()
    for name in table:
        try:
            checked(kind.names, name, sources)
        except WrongError as exc:
            # Somebody may have written the value into the name: `x-key: …`.
            exc.below = () if _conceals(kind.names, name) else (name,)
            raise
        same = name.lower() if kind.folded else name
        if same in known:
            raise WrongError("every name once, in upper or lower case", f"{shown(name)} again", below=(name,))
        known.add(same)


def _many(of: TextValue | Record, items: list[object], sources: Sources) -> tuple[object, ...]:
    found: list[object] = []
    for index, item in enumerate(items):
        value = _inside(of, item, sources, index)
        if value in found:
            raise WrongError("every entry once", f"{shown(value, secret=is_secret(of))} again", below=(index,))
        found.append(value)
    return tuple(found)


def _inside(of: Kind, item: object, sources: Sources, key: Key) -> object:
    try:
        return checked(of, item, sources)
    except WrongError as exc:
        exc.below = (key, *exc.below)
        raise


def _conceals(kind: Kind, value: object) -> bool:
    return isinstance(kind, TextValue) and isinstance(value, str) and any(mark in value for mark in kind.conceal)
