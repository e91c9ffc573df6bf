"""All importers: those that each module of this folder makes. No list is edited for a new one."""

import importlib
import pkgutil
from collections.abc import Iterator

import dragoman.cli.imports
from dragoman.cli.imports.importer import Importer


def importers() -> dict[str, Importer]:
    """The importers by their names."""
    return {importer.name: importer for importer in _found()}


def _found() -> Iterator[Importer]:
    package = dragoman.cli.imports
    for info in pkgutil.iter_modules(package.__path__, f"{package.__name__}."):
        module = importlib.import_module(info.name)
        yield from (value for value in vars(module).values() if isinstance(value, Importer))
