"""What an importer is: text of another program's configuration in, a dragoman.toml and findings out."""

from collections.abc import Callable

from msgspec import Struct

from dragoman.cli.imports.ledger import Finding


class Imported(Struct, frozen=True):
    """What became of a file."""

    toml: str
    """A dragoman.toml."""
    findings: tuple[Finding, ...]
    """One for each key of the file, in its order."""


class Importer(Struct, frozen=True):
    """One program whose configuration can be read."""

    name: str
    """As it is typed."""
    title: str
    """As the program's maker writes it."""
    convert: Callable[[str, bool], Imported]
    """The text of the file, and whether keys in clear may be written. Raises ConfigurationError if it is unreadable."""
