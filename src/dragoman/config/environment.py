"""Settings from environment variables: every key of the table of settings, as DRAGOMAN_…"""

import re
from collections.abc import Iterator, Mapping

from msgspec import Struct

from dragoman.config.kinds import Kind, parsed
from dragoman.config.schema import ROOT, Entries, Table
from dragoman.config.settings import Settings, fault
from dragoman.config.values import dotted
from dragoman.errors import ConfigurationError, nearest

PREFIX = "DRAGOMAN_"
FILE = "DRAGOMAN_CONFIG"
OTHERS = {
    FILE: "the configuration file",
    "DRAGOMAN_COMPLETE": "set by shells while they complete a command",
}
"""Variables that are no settings."""
INJECTED = re.compile(
    r"(\w+_)?(SERVICE_(HOST|PORT)(_\w+)?=.*|PORT(_[0-9]+_[A-Z]+)?=(tcp|udp|sctp)://.*|PORT_[0-9]+_[A-Z]+_(PROTO|PORT|ADDR)=.*)",
    re.ASCII | re.DOTALL,
)
"""What Kubernetes and Docker links put into every container for a service of the name dragoman or dragoman-SOMETHING:
https://kubernetes.io/docs/concepts/services-networking/service/#environment-variables"""
NEW = re.compile(r"[A-Z0-9][A-Z0-9_]*")
NO_LETTER = re.compile(r"[^A-Za-z0-9]")
WORDS = 5
"""Words of an unknown variable that are tried as a name, in search of what was meant."""


class Variable(Struct, frozen=True):
    """What a variable sets. `rivals`: keys that it takes the place of."""

    keys: tuple[str, ...]
    kind: Kind
    rivals: tuple[tuple[str, ...], ...]


def override(settings: Settings, environ: Mapping[str, str]) -> None:
    """Puts what `environ` says over `settings`. Raises ConfigurationError: unknown variables, text that is not UTF-8.

    Names of providers, models and fronts are spelt in upper case, with `_` for all but letters and digits; one that
    fits no existing entry opens a new one, in lower case. Lists are written with commas, pairs as `a=b,c=d`.
    """
    found = {name: _variable(name, settings) for name in sorted(environ) if _is_ours(name, environ[name])}
    overridden = {variable.keys for variable in found.values()}
    for name, variable in found.items():
        keys = variable.keys
        for below in [place for place in settings.origins if place[: len(keys)] == keys]:
            del settings.origins[below]
        settings.origins[keys] = name
        _open(settings, name, keys)
        if not _is_text(environ[name]):
            raise fault(settings, keys, "expected UTF-8, got other bytes")
        settings.said[keys] = parsed(variable.kind, environ[name])
        for rival in variable.rivals:
            if rival not in overridden:
                settings.said.pop(rival, None)


def _is_ours(name: str, text: str) -> bool:
    rest = name.removeprefix(PREFIX)
    return rest != name and name not in OTHERS and not INJECTED.fullmatch(f"{rest}={text}")


def _is_text(text: str) -> bool:
    """Whether no byte was smuggled in as a lone surrogate, as the standard library does with what is not UTF-8."""
    return not re.search("[\ud800-\udfff]", text)


def _open(settings: Settings, name: str, keys: tuple[str, ...]) -> None:
    entries = settings.entries[keys[0]]
    if isinstance(ROOT[keys[0]], Entries) and keys[1] not in entries:
        entries.append(keys[1])
        settings.origins.setdefault(keys[:2], name)


def _variable(name: str, settings: Settings) -> Variable:
    rest = name.removeprefix(PREFIX)
    for section, node in ROOT.items():
        tail = rest.removeprefix(f"{_upper(section)}_")
        if tail == rest:
            continue
        match node:
            case Table():
                found = [_set(node, (section,), leaf) for leaf, _ in node.leaves() if _spelt(leaf) == tail]
            case Entries():
                found = _in_entries(name, tail, section, node, settings)
        if found:
            return found[0]
    raise ConfigurationError(f"{name}: unknown variable{nearest(name, _known(rest, settings))}")


def _in_entries(name: str, tail: str, section: str, node: Entries, settings: Settings) -> list[Variable]:
    """What the variable may mean, the likeliest first."""
    readings = {
        leaf: tail.removesuffix(f"_{_spelt(leaf)}")
        for leaf, _ in node.entry.leaves()
        if tail.endswith(f"_{_spelt(leaf)}")
    }
    fitting = [
        (entry, leaf)
        for leaf, entry_name in readings.items()
        for entry in settings.entries[section]
        if _upper(entry) == entry_name
    ]
    if len(fitting) > 1:
        both = " and ".join(dotted((section, entry, *leaf)) for entry, leaf in fitting)
        raise ConfigurationError(f"{name}: expected the variable of one setting, got one that fits {both}")
    new = [(entry.lower(), leaf) for leaf, entry in readings.items() if NEW.fullmatch(entry)]
    new.sort(key=lambda reading: len(reading[0]))
    return [_set(node.entry, (section, entry), leaf) for entry, leaf in fitting or new]


def _set(table: Table, keys: tuple[str, ...], leaf: tuple[str, ...]) -> Variable:
    rivals = (other for pair in table.either if leaf[0] in pair for other in pair if other != leaf[0])
    return Variable((*keys, *leaf), dict(table.leaves())[leaf], tuple((*keys, rival) for rival in rivals))


def _known(rest: str, settings: Settings) -> Iterator[str]:
    """The variables that exist, under the names that exist and those that `rest` may mean."""
    words = rest.split("_")
    guesses = [guess for size in range(2, WORDS + 2) if NEW.fullmatch(guess := "_".join(words[1:size]))]
    for section, node in ROOT.items():
        match node:
            case Table():
                yield from (f"{PREFIX}{_upper(section)}_{_spelt(leaf)}" for leaf, _ in node.leaves())
            case Entries():
                for entry in [*map(_upper, settings.entries[section]), *guesses]:
                    yield from (f"{PREFIX}{_upper(section)}_{entry}_{_spelt(leaf)}" for leaf, _ in node.entry.leaves())
    yield from OTHERS


def _spelt(keys: tuple[str, ...]) -> str:
    return "_".join(map(_upper, keys))


def _upper(word: str) -> str:
    return NO_LETTER.sub("_", word).upper()
