"""An import of a file that gives each service a name of its own."""

from msgspec import Struct

from dragoman.cli.imports.draft import Draft
from dragoman.cli.imports.keys import Keyring


class NamedImport(Struct):
    """An import under way."""

    draft: Draft
    keyring: Keyring
    entries: dict[str, str]
    """The file's name of a service to that of the entry."""
