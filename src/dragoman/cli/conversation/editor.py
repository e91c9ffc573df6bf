"""A text written in the user's own editor."""

import os
import shlex
import subprocess
import tempfile
from collections.abc import Mapping
from pathlib import Path

from dragoman.cli.files import os_reason
from dragoman.errors import InvalidRequestError

DEFAULT = "vi"
"""The editor that every system with a terminal has: https://pubs.opengroup.org/onlinepubs/9699919799/utilities/vi.html"""


def edit(text: str, environment: Mapping[str, str] = os.environ, *, suffix: str = ".md") -> str:
    """`text` as it is after editing, without line feeds at its end. `suffix`: by which the editor knows what it is.

    Raises InvalidRequestError if the editor cannot be run, ends with an error or leaves no text.
    """
    command = environment.get("VISUAL") or environment.get("EDITOR") or DEFAULT
    with tempfile.TemporaryDirectory(prefix="dragoman-") as folder:
        path = Path(folder) / f"message{suffix}"
        path.write_text(text, encoding="utf-8")
        try:
            done = subprocess.run([*shlex.split(command), str(path)], check=False)  # noqa: S603  # the user's own choice
        except (OSError, ValueError) as exc:
            raise InvalidRequestError(f"the editor {command!r} cannot be run: {os_reason(exc)}") from exc
        if done.returncode:
            raise InvalidRequestError(f"the editor {command!r} ended with {done.returncode}; its text is not used")
        try:
            return path.read_text(encoding="utf-8").rstrip("\r\n")
        except (OSError, UnicodeDecodeError) as exc:
            raise InvalidRequestError("the editor left no text in UTF-8") from exc
