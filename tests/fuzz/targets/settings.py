"""A configuration: values, or a list of its mistakes, each with its line."""

import re
import tomllib
from pathlib import Path
from typing import Any

from dragoman.config import from_tables
from dragoman.config.secrets import Sources
from dragoman.config.settings import assemble, gather
from dragoman.config.toml import Document, decode_text, parse
from dragoman.errors import ConfigurationError
from tests.fuzz.targets.target import FuzzTarget, allowed

PLACED = re.compile(r"x\.toml(?::\d+)?: ")
DOCS = Path(__file__).parents[3] / "docs"
BLOCK = re.compile(r"```toml\n(.*?)```", re.DOTALL)


def configuration(data: bytes) -> None:
    """The bytes of a file."""
    placed = True
    try:
        document: Document | None = parse(decode_text(data, "x.toml"), "x.toml")
    except ConfigurationError as exc:
        placed = PLACED.match(exc.message) is not None
        document = None
    if document is None:
        assert placed, "a mistake without its place"
        return
    assert document.data == tomllib.loads(data.decode())
    allowed(lambda: assemble(gather(document.data, document.origins()), Sources()))
    named = without_sources(document.data)
    allowed(lambda: from_tables(named))


def without_sources(value: Any) -> Any:
    """The tables without what would read a file of this machine, or run a program."""
    match value:
        case dict():
            kept = {name: below for name, below in value.items() if "file" not in name and name != "command"}
            return {name: without_sources(below) for name, below in kept.items()}
        case list():
            return [without_sources(below) for below in value]
        case _:
            return value


def seeds() -> Any:
    """The configurations of the documentation."""
    for page in sorted(DOCS.rglob("*.md")):
        for block in BLOCK.findall(page.read_text()):
            yield block.encode()


TARGETS = {"configuration": FuzzTarget(configuration, seeds)}
