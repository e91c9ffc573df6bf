"""A file of a working directory is used only if the user has trusted it, and if it has not changed since then.

Otherwise somebody who clones a repository and asks a question in its folder would send keys to the hosts that the
repository names. So `dragoman trust` writes down the SHA-256 of the file, by its path; a file that has changed must be
trusted again.
direnv does the same: https://direnv.net/man/direnv.1.html
"""

import os
import tempfile
from collections.abc import Mapping
from contextlib import suppress
from hashlib import sha256
from pathlib import Path

from dragoman.config.file import ConfigFile, read_file
from dragoman.config.folders import STATE, user_folder
from dragoman.errors import ConfigurationError

FOLDER = "trusted"


class Trust:
    """What one user trusts. Each path has a record: a file in the format of `sha256sum`, for this user's eyes only."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        state = user_folder(STATE, environ)
        self._folder = state / FOLDER if state is not None else None

    def doubt(self, file: ConfigFile) -> str:
        """Why `file` must not be used; empty if it is trusted."""
        record = self._record(file.path)
        record_file = read_file(record, FOLDER) if record is not None else None
        if record_file is None or record_file.writable:
            return "was never trusted"
        return "" if record_file.data == _record_line(file) else "has changed since it was trusted"

    def keep(self, file: ConfigFile) -> None:
        """Trusts the content of `file` that was read. Raises ConfigurationError if the record cannot be written."""
        record = self._record(file.path)
        if record is None:
            raise ConfigurationError("expected HOME or XDG_STATE_HOME to be set, to keep there what is trusted")
        try:
            record.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            handle, name = tempfile.mkstemp(dir=record.parent)  # of mode 0600
            try:
                with open(handle, "wb") as new:
                    new.write(_record_line(file))
                os.replace(name, record)
            except BaseException:
                with suppress(FileNotFoundError):
                    os.unlink(name)
                raise
        except OSError as exc:
            raise ConfigurationError(f"{record.parent}: expected a folder to write in, got: {exc.strerror}") from exc

    def revoke(self, path: Path) -> bool:
        """Forgets the file at `path`; True if it was known. Raises ConfigurationError if that fails."""
        try:
            record = self._record(path)
        except OSError as exc:
            raise ConfigurationError(f"{path}: expected the whole path, since the working directory is gone") from exc
        try:
            if record is not None:
                record.unlink()
        except FileNotFoundError:
            return False
        except OSError as exc:
            raise ConfigurationError(f"{record}: expected a file that can be removed, got: {exc.strerror}") from exc
        return record is not None

    def _record(self, path: Path) -> Path | None:
        return self._folder / sha256(_place(path)).hexdigest() if self._folder is not None else None


def _place(path: Path) -> bytes:
    """The path of the file without links to its folder, so that each way to the folder gives the same path."""
    return os.fsencode(Path(os.path.realpath(path.parent), path.name))


def _record_line(file: ConfigFile) -> bytes:
    return sha256(file.data).hexdigest().encode() + b"  " + _place(file.path) + b"\n"
