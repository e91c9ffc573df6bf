"""`dragoman import`: a dragoman.toml from another program's configuration."""

from pathlib import Path

import click

from dragoman.cli.files import read_text, write
from dragoman.cli.imports.catalogue import importers
from dragoman.cli.imports.importer import Imported, Importer
from dragoman.cli.imports.report import report
from dragoman.cli.options import PATH
from dragoman.cli.terminal.output import say, tell
from dragoman.config.toml import decode_text
from dragoman.error_words import cut
from dragoman.errors import ConfigurationError

IMPORTERS = importers()


@click.command()
@click.argument("program", type=click.Choice(list(IMPORTERS)), metavar="PROGRAM")
@click.argument("path", type=PATH, metavar="FILE")
@click.option("-o", "--output", type=PATH, metavar="PATH", help="Write the configuration there.")
@click.option("--force", is_flag=True, help="Write it even if there is a file at PATH.")
def command(program: str, path: Path, output: Path | None, force: bool) -> None:
    """Take over the configuration of another program.

    PROGRAM is ccr (claude-code-router, config.json), litellm (LiteLLM's proxy, config.yaml) or opencode
    (opencode.json). A dragoman.toml goes to stdout, and what became of every key of FILE to stderr: it means the same,
    or you have to look at it, or dragoman has nothing like it. Keys in clear are written only with --output, into a
    file that only you may read, and are never shown.
    """
    if output is not None and not force and (output.is_symlink() or output.exists()):
        raise ConfigurationError(f"{output} is there already: name another file, or replace it with --force")
    done = _converted(IMPORTERS[program], path, in_clear=output is not None)
    if output is None:
        say(done.toml.rstrip("\n"))
    else:
        write(output, done.toml.encode())
    for line in report(done.findings):
        tell(line)


def _converted(importer: Importer, path: Path, *, in_clear: bool) -> Imported:
    text = decode_text(read_text(path), str(path))
    try:
        return importer.convert(text, in_clear)
    except ConfigurationError as exc:
        raise ConfigurationError(f"{path}: {cut(exc.message)}") from exc
