"""The user's own folders, by the rules of XDG. https://specifications.freedesktop.org/basedir-spec/latest/"""

from collections.abc import Mapping
from pathlib import Path

from msgspec import Struct


class FolderKind(Struct, frozen=True):
    """What a folder is for: the variable that names its base, and where the base is if the variable is not set."""

    variable: str
    below: str


STATE = FolderKind("XDG_STATE_HOME", ".local/state")
"""What is remembered between two runs, and may be lost."""

DATA = FolderKind("XDG_DATA_HOME", ".local/share")
"""What the user wants to keep."""


def homed(path: str) -> Path:
    """`path`; a `~` at its beginning is a home folder, as in shells. One that nobody has stays as it is."""
    try:
        return Path(path).expanduser()
    except RuntimeError:
        return Path(path)


def user_folder(kind: FolderKind, environ: Mapping[str, str]) -> Path | None:
    """The folder `dragoman` of this kind, which may not exist; None if no variable says where."""
    for variable, below in ((kind.variable, ""), ("HOME", kind.below), ("USERPROFILE", kind.below)):
        base = Path(environ.get(variable, ""))
        if base.is_absolute():  # a relative path is invalid and to be ignored
            return base / below / "dragoman"
    return None
