"""What a dialect must have beside its folder and its row: asked of each that is registered. Knows none by name."""

import inspect
from collections.abc import Iterator
from pathlib import Path

from msgspec import Struct

from dragoman.protocols.base import ClientCodec, ServerCodec
from dragoman.protocols.registry import Dialect
from dragoman.protocols.relay import RelayCodec
from dragoman.providers.catalogue import catalogue, generic
from tests.shape.voices import VOICES

REPOSITORY = Path(__file__).resolve().parents[2]
FILES = frozenset({"request.json", "reply.bin", "sent.http", "events.json"})
"""What a golden case consists of."""


class Surroundings(Struct, frozen=True):
    """Where the rest of a dialect is looked for."""

    golden: Path = REPOSITORY / "tests" / "golden"
    readme: Path = REPOSITORY / "README.md"


HERE = Surroundings()


def flaws(name: str, dialect: Dialect, around: Surroundings = HERE) -> list[str]:
    """What the dialect `name` lacks, a sentence each."""
    return [*_of_halves(name, dialect), *_of_golden(around.golden / name), *_of_provider(name, dialect)] + (
        [] if row(name, dialect) in around.readme.read_text().splitlines() else ["README.md has no such row"]
    )


def row(name: str, dialect: Dialect) -> str:
    """The dialect's row in the table of README.md."""
    path = VOICES[name].path if name in VOICES else ""
    relayed = "yes" if dialect.relay else f"no: {dialect.no_relay}"
    return f"| `{name}` | yes | `{path}` | {relayed} |"


def halves(dialect: Dialect) -> Iterator[type[ClientCodec] | type[ServerCodec] | type[RelayCodec]]:
    """The classes of a dialect."""
    yield dialect.client
    yield dialect.server
    if dialect.relay is not None:
        yield dialect.relay


def _of_halves(name: str, dialect: Dialect) -> Iterator[str]:
    for half in halves(dialect):
        if inspect.isabstract(half):
            yield f"{half.__name__} is abstract"
        elif half.name != name:
            yield f"{half.__name__} has the name {half.name!r}"
    if (dialect.relay is None) != bool(dialect.no_relay):
        yield "expected either a relay or the reason for none"


def _of_golden(folder: Path) -> Iterator[str]:
    cases = [case for case in folder.iterdir() if case.is_dir()] if folder.is_dir() else []
    if not cases:
        yield "there is no golden case"
    for case in cases:
        for file in sorted(FILES - {path.name for path in case.iterdir()}):
            yield f"the golden case {case.name} has no {file}"


def _of_provider(name: str, dialect: Dialect) -> Iterator[str]:
    classes = catalogue()
    serving = generic(classes).get(name)
    if serving is None:
        yield "no provider serves an entry that names only this protocol"
        return
    codec = classes[serving].configured({"url": "http://127.0.0.1:1"}).codec()
    if not isinstance(codec, dialect.client):
        yield f"the provider {serving} speaks with {type(codec).__name__}"
    if type(codec.relay) is not (dialect.relay or type(None)):
        yield f"the provider {serving} relays with {type(codec.relay).__name__}"
