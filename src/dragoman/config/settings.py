"""Settings that were read and are not yet checked: each raw value under its path of keys. Knows no source."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

from msgspec import Struct, field
from msgspec.structs import replace

from dragoman.config.faults import WrongError, shown
from dragoman.config.keys import Keys, dotted, origin
from dragoman.config.routes import ModelConfig
from dragoman.config.schema import ROOT, Entries, TableSchema, kind_of
from dragoman.config.secrets import NamedCommand, Sources, commands_in
from dragoman.config.value_types import anchored, checked, is_in_clear, is_secret
from dragoman.config.values import ProfileConfig, ProviderConfig
from dragoman.error_words import nearest
from dragoman.errors import ConfigurationError

Node = TypeVar("Node")

ELSEWHERE = dict.fromkeys(("base_url", "api_base", "baseURL", "endpoint"), "url")
"""Words that other programs have for our keys."""

MAX_FLAWS = 100
"""Mistakes that one error lists: more than anyone repairs at a time."""


class Flaw(Struct, frozen=True):
    """A mistake in the configuration."""

    keys: Keys
    """The setting."""
    place: str
    """`FILE:LINE`, or the name of a variable; empty if it is not known."""
    message: str
    """What is wrong."""

    def __str__(self) -> str:
        return ": ".join(part for part in (self.place, dotted(self.keys), self.message) if part)


class Settings(Struct):
    """All settings of one or more sources."""

    values: dict[Keys, object] = field(default_factory=dict)
    """The values that were set, as they came from the source."""
    origins: dict[Keys, str] = field(default_factory=dict)
    """Where each value is set, for messages."""
    entries: dict[str, list[str]] = field(default_factory=lambda: {name: [] for name in ROOT})
    """The names that the user chose, by table, even if nothing is set under them."""
    flaws: list[Flaw] = field(default_factory=list)
    """All mistakes so far, for one error."""
    flawed: set[Keys] = field(default_factory=set)
    """The keys of the mistakes."""
    in_clear: bool = False
    """Whether a secret stands in one of the values, and not only its place."""

    def commands(self) -> dict[Keys, tuple[NamedCommand, ...]]:
        """The commands that print secrets, by the settings that name them."""
        found = {keys: tuple(commands_in(value)) for keys, value in self.values.items() if is_secret(kind_of(keys))}
        return {keys: named for keys, named in found.items() if named}


def gather(data: Mapping[str, Any], origins: dict[Keys, str], folder: Path = Path()) -> Settings:
    """The settings of nested tables; relative paths start from `folder`.

    Unknown keys, bad names and other values in place of tables are flaws.
    """
    settings = Settings(origins=origins)
    for name, value in data.items():
        match _known((name,), ROOT, settings):
            case TableSchema() as table:
                _gather(settings, table, (name,), value, folder)
            case Entries() as entries:
                for entry, inner in _table((name,), value, settings).items():
                    if not entries.name.fullmatch(entry):
                        note(settings, (name, entry), f"expected {entries.expected}, got {shown(entry)}")
                        continue
                    if isinstance(inner, dict):
                        settings.entries[name].append(entry)
                    _gather(settings, entries.entry, (name, entry), inner, folder)
    return settings


def _gather(settings: Settings, table: TableSchema, keys: tuple[str, ...], data: object, folder: Path) -> None:
    for name, value in _table(keys, data, settings).items():
        below = (*keys, name)
        match _known(below, table.keys, settings):
            case None:
                continue
            case TableSchema() as inner:
                _gather(settings, inner, below, value, folder)
            case kind:
                settings.values[below] = anchored(kind, value, folder)
                settings.in_clear = settings.in_clear or is_in_clear(kind, value)


def _known(keys: tuple[str, ...], nodes: Mapping[str, Node], settings: Settings) -> Node | None:
    name = keys[-1]
    if name not in nodes:
        note(settings, keys, f"unknown key{_hint(name, nodes, top=len(keys) == 1)}")
    return nodes.get(name)


def _hint(name: str, nodes: Mapping[str, Node], *, top: bool) -> str:
    """The key that may be meant: one whose table was not named, what another program calls so, or the nearest."""
    for table, node in ROOT.items():
        if top and isinstance(node, TableSchema) and name in node.keys:
            return f"; did you mean {table}.{name}?"
    if ELSEWHERE.get(name, name) in nodes:
        return f"; did you mean {ELSEWHERE[name]}?"
    return nearest(name, nodes) or f"; known are {', '.join(nodes)}"


def _table(keys: Keys, value: object, settings: Settings) -> dict[str, Any]:
    if isinstance(value, dict):
        return value
    # The value is not shown: it may be a secret whose key was forgotten.
    got = "text" if isinstance(value, str) else shown(value, secret=True)
    note(settings, keys, f"expected a table, got {got}")
    return {}


def merge(settings: Settings, under: Settings) -> Settings:
    """Both in one; `settings` override `under`: tables key by key, and entries as a whole."""
    own = {(section, name) for section, names in settings.entries.items() for name in names}
    rivals = {
        (*keys[:-1], rival)
        for keys in settings.values
        if isinstance(table := ROOT[str(keys[0])], TableSchema)
        for rival in table.rivals(str(keys[-1]))
    }
    hidden = own | rivals | settings.values.keys()

    def stands(keys: Keys) -> bool:
        return not any(keys[:size] in hidden for size in range(1, len(keys) + 1))

    return Settings(
        values={keys: value for keys, value in under.values.items() if stands(keys)} | settings.values,
        origins={keys: place for keys, place in under.origins.items() if stands(keys)} | settings.origins,
        entries={
            section: list(dict.fromkeys([*names, *under.entries[section]]))
            for section, names in settings.entries.items()
        },
        flaws=[*settings.flaws, *under.flaws],
        flawed=settings.flawed | under.flawed,
    )


def assemble(settings: Settings, sources: Sources) -> dict[str, Any]:
    """The fields of Config. Raises ConfigurationError with every flaw, including wrong and missing values."""
    built = _assembled(settings, sources)
    if settings.flaws:
        flaws = sorted(settings.flaws, key=_line)
        raise ConfigurationError(listed(flaws))
    return built


def assemble_rest(settings: Settings, sources: Sources) -> dict[str, Any]:
    """The fields of Config without what is wrong, of which every flaw is noted: so that the rest can be checked too.

    A service or route that is wrong has a stand-in, so that what refers to it is not wrong as well.
    """
    built = _assembled(settings, sources)
    good = Settings(values={keys: value for keys, value in settings.values.items() if keys not in settings.flawed})
    for section, node in ROOT.items():
        if isinstance(node, Entries):
            found = {
                name: entry or _rest_of(settings, good, (section, name), sources)
                for name, entry in built[section].items()
            }
            built[section] = {name: entry for name, entry in found.items() if entry is not None}
        elif built[section] is None:
            wrong = {name: value for name, value in WRONG.items() if (section, name) in settings.flawed}
            rest = _build(good, node, (section,), sources)
            built[section] = replace(rest, **wrong) if section == "gateway" else rest
    return built


def _rest_of(settings: Settings, good: Settings, keys: tuple[str, str], sources: Sources) -> Any:
    """What is `good` of a wrong entry, or its stand-in; None if it has none."""
    node = ROOT[keys[0]]
    stand_in = STAND_INS.get(keys[0])
    wrong = {str(each[2]) for each in settings.flawed if each[:2] == keys and len(each) > 2}
    is_known = isinstance(node, Entries) and wrong and wrong <= node.entry.keys.keys() - ESSENTIAL
    if stand_in is None or not isinstance(node, Entries) or not is_known:
        return stand_in
    usable = {(*keys, key): value for key, value in USABLE.items() if key in wrong}
    return _build(Settings(values=good.values | usable), node.entry, keys, sources)


ECHO = "offline/echo"
"""A model that is there in each configuration."""

STAND_INS: dict[str, Struct] = {
    "providers": ProviderConfig(protocol="openai-chat", url="http://127.0.0.1:9"),
    "models": ModelConfig(targets=(ECHO,)),
    "profiles": ProfileConfig(),
}
"""What stands for an entry that is wrong; for another, nothing does."""

ESSENTIAL = frozenset({"type", "protocol", "targets"})
"""Keys without which the rest of an entry cannot be checked: without them all of it seems wrong."""

USABLE: dict[str, Any] = {"url": "http://127.0.0.1:9"}
"""What stands for a wrong value of an entry, if without any the rest seems wrong."""

WRONG: dict[str, Any] = {"default_model": ECHO, "api_keys": ("stand-in",)}
"""The same for settings of `gateway`."""


def listed(flaws: Sequence[object]) -> str:
    """A line for each of `flaws`, up to MAX_FLAWS."""
    more = [f"and {len(flaws) - MAX_FLAWS} more"] if len(flaws) > MAX_FLAWS else []
    return "\n".join([*map(str, flaws[:MAX_FLAWS]), *more])


def _assembled(settings: Settings, sources: Sources) -> dict[str, Any]:
    """The fields of Config; None for what is wrong."""
    return {
        name: _build(settings, node, (name,), sources)
        if isinstance(node, TableSchema)
        else {entry: _build(settings, node.entry, (name, entry), sources) for entry in settings.entries[name]}
        for name, node in ROOT.items()
    }


def _build(settings: Settings, table: TableSchema, keys: Keys, sources: Sources) -> Any:
    missing: list[str] = []
    for pair in table.either:
        if all((*keys, name) in settings.values for name in pair):
            note(settings, (*keys, pair[1]), f"expected either {pair[0]} or {pair[1]}, got both")
    fields: dict[str, Any] = {}
    for name, node in table.keys.items():
        below = (*keys, name)
        if isinstance(node, TableSchema):
            fields[name] = _build(settings, node, below, sources)
        elif below in settings.values:
            try:
                fields[table.fields.get(name, name)] = checked(node, settings.values[below], sources)
            except WrongError as exc:
                note(settings, below + exc.below, str(exc))
        elif name in table.needed:
            missing.append(name)
    if keys in settings.flawed:
        # Missing keys are not reported: one may have been set under the unknown key that was reported already.
        return None
    if missing:
        note(settings, keys, f"expected {missing[0]}, got none")
        return None
    return table.build(**fields)


def note(settings: Settings, keys: Keys, message: str) -> None:
    """Notes that the setting `keys` is wrong."""
    settings.flaws.append(Flaw(keys, origin(settings.origins, keys), message))
    settings.flawed.update(keys[:size] for size in range(1, len(keys) + 1))


def _line(flaw: Flaw) -> tuple[str, int]:
    """Puts flaws in the order of their lines."""
    label, _, line = flaw.place.rpartition(":")
    return (label, int(line)) if line.isdecimal() else (flaw.place, 0)
