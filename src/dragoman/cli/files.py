"""Files of the user's: read whole, and written whole or not at all."""

import os
import sys
import tempfile
from contextlib import suppress
from pathlib import Path

from dragoman.errors import InvalidRequestError
from dragoman.wire.utf8 import BOM

SYSTEM = (("/", "dev"), ("/", "proc"))
"""Folders whose files are devices, or names of open files."""


def read(path: Path, most: int | None = None) -> bytes:
    """The bytes of a file. Raises InvalidRequestError, also if there are more than `most`."""
    try:
        with open(_place(path), "rb") as file:
            data = file.read() if most is None else file.read(most + 1)
    except (OSError, ValueError) as exc:
        raise InvalidRequestError(f"{path} cannot be read: {os_reason(exc)}") from exc
    if most is not None and len(data) > most:
        raise InvalidRequestError(f"{path}: expected at most {most >> 20} MiB, got more")
    return data


def read_text(path: Path, most: int | None = None) -> bytes:
    """The same of a file of text: without the byte order mark that editors on Windows write."""
    return read(path, most).removeprefix(BOM)


def read_stdin() -> bytes:
    """All that stdin has, which is text: without a byte order mark, too."""
    return sys.stdin.buffer.read().removeprefix(BOM)


def not_utf8(error: UnicodeDecodeError) -> str:
    """The words for bytes of stdin that are no text."""
    return f"stdin is not UTF-8: the byte 0x{error.object[error.start]:02x} at {error.start}"


def write(path: Path, data: bytes) -> None:
    """Puts `data` at `path`, for this user's eyes only; at every moment the old file or the new one is there, whole.

    Devices and pipes, as /dev/stdout, are written to. Raises InvalidRequestError.
    """
    try:
        given = _place(path)
        if _is_written_to(given):
            with open(given, "ab") as file:
                file.write(data)
            return
        # A link stays a link: what it points to is replaced.
        place = given.resolve()
        handle, name = tempfile.mkstemp(prefix=f".{place.name}.", dir=place.parent)
        try:
            with open(handle, "wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            os.replace(name, place)
        except BaseException:
            with suppress(FileNotFoundError):
                os.unlink(name)
            raise
    except (OSError, ValueError) as exc:
        raise InvalidRequestError(f"{path} cannot be written: {os_reason(exc)}") from exc


def has_content(path: Path) -> bool:
    """Whether there is a file with content, which `write` would replace."""
    try:
        place = _place(path)
        return not _is_written_to(place) and place.stat().st_size > 0
    except (OSError, ValueError):  # there is none, or none can be there
        return False


def _is_written_to(path: Path) -> bool:
    """Whether a file is not replaced by a new one: it is no file on a disk, or one that the caller has open."""
    return path.parts[:2] in SYSTEM or (path.exists() and not path.is_file())


def _place(path: Path) -> Path:
    try:
        return path.expanduser()
    except RuntimeError as exc:
        raise ValueError("whose home is that?") from exc


def os_reason(error: OSError | ValueError) -> str:
    """Why a file cannot be used, in a few words."""
    return (error.strerror if isinstance(error, OSError) else None) or str(error)
