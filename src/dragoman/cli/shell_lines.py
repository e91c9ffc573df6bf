"""What a run of an agent would set, as lines for a shell. Shows no key."""

import shlex
from collections.abc import Sequence
from pathlib import Path

from dragoman.cli.agents.agent import Gate, Setup

FOLDER = Path("{folder}")
"""Stands for the temporary folder in a setup that is only shown."""

HIDDEN = "***"

END = "END_OF_FILE"


def shell_lines(setup: Setup, gate: Gate, command: Sequence[str]) -> str:
    """The lines, for a setup that was prepared with `FOLDER`."""
    lines = []
    if setup.files or setup.links:
        lines.append("folder=$(mktemp -d)")
    for name, data in setup.files.items():
        lines += [f"cat > {_word(str(FOLDER / name))} <<'{END}'", data.decode().replace(gate.key, HIDDEN), END]
    for name, path in setup.links.items():
        lines.append(f"ln -s {_word(str(path))} {_word(str(FOLDER / name))}")
    if setup.removed:
        lines.append(f"unset {' '.join(setup.removed)}")
    for name, value in setup.variables.items():
        lines.append(f"export {name}={HIDDEN if value == gate.key else _word(value)}")
    return "\n".join([*lines, " ".join(map(_word, command))])


def _word(text: str) -> str:
    return shlex.quote(text).replace(str(FOLDER), "'\"$folder\"'").removeprefix("''")
