"""All importers: those that the modules of this folder make."""

import dragoman.cli.imports
from dragoman.cli.found import made_in
from dragoman.cli.imports.importer import Importer


def importers() -> dict[str, Importer]:
    """The importers by their names."""
    return {importer.name: importer for importer in made_in(dragoman.cli.imports, Importer)}
