"""Settings from environment variables: each key of the table of settings has a variable, DRAGOMAN_…"""

import re
from collections.abc import Iterator, Mapping

from msgspec import Struct

from dragoman.config.keys import dotted
from dragoman.config.schema import ROOT, Entries, TableSchema
from dragoman.config.settings import Flaw, Settings, note
from dragoman.config.value_types import Kind, may_be_file, parsed
from dragoman.error_words import nearest

PREFIX = "DRAGOMAN_"
FILE = "DRAGOMAN_CONFIG"
OTHERS = {
    FILE: "the configuration file",
    "DRAGOMAN_COMPLETE": "set by shells while they complete a command",
}
"""Variables that are not settings."""
INJECTED = re.compile(
    r"(\w+_)?(SERVICE_(HOST|PORT)(_\w+)?=.*|PORT(_[0-9]+_[A-Z]+)?=(tcp|udp|sctp)://.*|PORT_[0-9]+_[A-Z]+_(PROTO|PORT|ADDR)=.*)",
    re.ASCII | re.DOTALL,
)
"""Variables that Kubernetes and Docker put into each container, if a service is named dragoman or dragoman-SOMETHING:
https://kubernetes.io/docs/concepts/services-networking/service/#environment-variables"""
NEW = re.compile(r"[A-Z0-9][A-Z0-9_]*")
NO_LETTER = re.compile(r"[^A-Za-z0-9]")
WORDS = 5
"""Words of an unknown variable that are tried as the name of an entry, to suggest a known variable."""


class Variable(Struct, frozen=True):
    """What a variable means."""

    keys: tuple[str, ...]
    """The setting."""
    kind: Kind
    """What the setting may hold."""
    rivals: tuple[tuple[str, ...], ...]
    """Settings that it replaces."""
    is_file: bool = False
    """Whether the variable has the path of a file, and the file has the value."""


class Spelling(Struct, frozen=True):
    """The end of a variable's name, and the key in a table that it means."""

    words: str
    """`TIMEOUTS_IDLE`"""
    leaf: tuple[str, ...]
    """`("timeouts", "idle")`"""
    is_file: bool = False
    """As in `Variable`."""


def override(settings: Settings, environ: Mapping[str, str]) -> None:
    """Overrides `settings` with the variables in `environ`. Unknown variables and text that is not UTF-8 are flaws.

    Names of providers, models and fronts are written in upper case, with `_` for each character that is not a letter or
    digit. A name that fits no entry makes a new entry, in lower case. Lists are written with commas, pairs as
    `a=b,c=d`. If `_FILE` is added to the name of a secret's variable, it has the path of a file with the secret.
    """
    found: dict[tuple[str, ...], str] = {}
    rivals: set[tuple[str, ...]] = set()
    for name in sorted(environ):
        variable = _variable(name, settings) if _is_ours(name, environ[name]) else None
        if variable is None:
            continue
        keys = variable.keys
        if keys in found:
            _refuse(settings, name, f"expected either {found[keys]} or this variable, got both")
            continue
        for below in [place for place in settings.origins if place[: len(keys)] == keys]:
            del settings.origins[below]
        settings.origins[keys] = found[keys] = name
        _open(settings, name, keys)
        rivals.update(variable.rivals)
        if _is_text(environ[name]):
            settings.values[keys] = (
                {"file": environ[name]} if variable.is_file else parsed(variable.kind, environ[name])
            )
        else:
            note(settings, keys, "expected UTF-8, got other bytes")
    for rival in rivals - found.keys():
        settings.values.pop(rival, None)


def _refuse(settings: Settings, name: str, message: str) -> None:
    settings.flaws.append(Flaw((), name, message))


def _is_ours(name: str, text: str) -> bool:
    rest = name.removeprefix(PREFIX)
    return rest != name and name not in OTHERS and not INJECTED.fullmatch(f"{rest}={text}")


def _is_text(text: str) -> bool:
    """Whether the text was UTF-8: if not, the standard library has put a lone surrogate in place of each wrong byte."""
    return not re.search("[\ud800-\udfff]", text)


def _open(settings: Settings, name: str, keys: tuple[str, ...]) -> None:
    entries = settings.entries[keys[0]]
    if isinstance(ROOT[keys[0]], Entries) and keys[1] not in entries:
        entries.append(keys[1])
        settings.origins.setdefault(keys[:2], name)


def _variable(name: str, settings: Settings) -> Variable | None:
    rest = name.removeprefix(PREFIX)
    for section, node in ROOT.items():
        tail = rest.removeprefix(f"{_upper(section)}_")
        if tail == rest:
            continue
        match node:
            case TableSchema():
                found = [_set(node, (section,), each) for each in _spellings(node) if each.words == tail]
            case Entries():
                found = _in_entries(name, tail, section, node, settings)
        if found:
            return found[0]
    _refuse(settings, name, f"unknown variable{nearest(name, _known(rest, settings))}")
    return None


def _in_entries(name: str, tail: str, section: str, node: Entries, settings: Settings) -> list[Variable]:
    """All that the variable may mean, the most likely first."""
    readings = [
        (each, tail.removesuffix(f"_{each.words}"))
        for each in _spellings(node.entry)
        if tail.endswith(f"_{each.words}")
    ]
    fitting = [
        (entry, each)
        for each, entry_name in readings
        for entry in settings.entries[section]
        if _upper(entry) == entry_name
    ]
    if len(fitting) > 1:
        both = " and ".join(dotted((section, entry, *each.leaf)) for entry, each in fitting)
        _refuse(settings, name, f"expected the variable of one setting, got one that fits {both}")
    new = [(entry.lower(), each) for each, entry in readings if NEW.fullmatch(entry)]
    new.sort(key=lambda reading: len(reading[0]))
    return [_set(node.entry, (section, entry), each) for entry, each in fitting or new]


def _set(table: TableSchema, keys: tuple[str, ...], spelling: Spelling) -> Variable:
    leaf = spelling.leaf
    rivals = tuple((*keys, rival) for rival in table.rivals(leaf[0]))
    return Variable((*keys, *leaf), dict(table.leaves())[leaf], rivals, spelling.is_file)


def _spellings(table: TableSchema) -> Iterator[Spelling]:
    for leaf, kind in table.leaves():
        words = "_".join(map(_upper, leaf))
        yield Spelling(words, leaf)
        if may_be_file(kind):
            yield Spelling(f"{words}_FILE", leaf, is_file=True)


def _known(rest: str, settings: Settings) -> Iterator[str]:
    """All variables of the known entries, and of entries whose names may be in `rest`."""
    words = rest.split("_")
    guesses = [guess for size in range(2, WORDS + 2) if NEW.fullmatch(guess := "_".join(words[1:size]))]
    for section, node in ROOT.items():
        match node:
            case TableSchema():
                yield from (f"{PREFIX}{_upper(section)}_{each.words}" for each in _spellings(node))
            case Entries():
                for entry in [*map(_upper, settings.entries[section]), *guesses]:
                    yield from (f"{PREFIX}{_upper(section)}_{entry}_{each.words}" for each in _spellings(node.entry))
    yield from OTHERS


def _upper(word: str) -> str:
    return NO_LETTER.sub("_", word).upper()
