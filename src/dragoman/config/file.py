"""A configuration file, read once: its bytes, and what other users may do with it. Knows no TOML."""

import os
import stat
import sys
from pathlib import Path

from msgspec import Struct

from dragoman.error_words import cut
from dragoman.errors import ConfigurationError

LARGEST = 16 << 20
"""Bytes of a configuration: 16 MiB are enough for a hundred thousand services. A device file could have no end."""

READ = stat.S_IRGRP | stat.S_IROTH
WRITE = stat.S_IWGRP | stat.S_IWOTH


class ConfigFile(Struct, frozen=True):
    """A file that was read."""

    path: Path
    label: str
    """Its name in messages."""
    data: bytes
    status: os.stat_result
    """The owner and rights of the file that was read. By now, another file may be at `path`."""

    @property
    def readable(self) -> bool:
        """Whether other users of this machine may read it."""
        return _open_to_others(self.status, READ)

    @property
    def writable(self) -> bool:
        """Whether other users of this machine may write it, or put another file in its place."""
        # What is written into a device as /dev/null does not come out of it for others.
        if stat.S_ISCHR(self.status.st_mode) or _is_read_only(self.path):
            return False
        return _open_to_others(self.status, WRITE) or _foreign(self.status) or _replaceable(self.path)


def read_file(path: Path, label: str) -> ConfigFile | None:
    """The file at `path`; None if there is none. Raises ConfigurationError: unreadable, too large."""
    try:
        with open(path, "rb") as file:
            status = os.fstat(file.fileno())
            data = file.read(LARGEST + 1)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except IsADirectoryError as exc:
        raise ConfigurationError(f"{label}: expected a file, got a directory") from exc
    except OSError as exc:
        raise ConfigurationError(f"{label}: expected a file that can be read, got: {exc.strerror}") from exc
    except ValueError as exc:
        raise ConfigurationError(f"{cut(label)}: expected the path of a file, got: {exc}") from exc
    if len(data) > LARGEST:
        raise ConfigurationError(f"{label}: expected at most {LARGEST >> 20} MiB, got more")
    return ConfigFile(path, label, data, status)


def _is_read_only(path: Path) -> bool:
    """Whether its file system is read-only, as Kubernetes and Docker mount files: nobody can write it, in any mode."""
    if sys.platform == "win32":
        return False
    try:
        return bool(os.statvfs(path).f_flag & os.ST_RDONLY)
    except OSError:
        return False


def _replaceable(path: Path) -> bool:
    try:
        folder = os.stat(path.parent)
    except OSError:
        return False
    # With the sticky bit, as in /tmp, nobody can remove another user's file.
    shared = _open_to_others(folder, WRITE) and not folder.st_mode & stat.S_ISVTX
    return shared or _foreign(folder)


def _open_to_others(status: os.stat_result, rights: int) -> bool:
    if sys.platform == "win32":  # these bits mean nothing there
        return False
    found = status.st_mode & rights
    if found & stat.S_IRWXG and _is_private_group(status):
        found &= ~stat.S_IRWXG
    return bool(found)


def _foreign(status: os.stat_result) -> bool:
    """Whether it belongs to neither this user nor the machine's administrator."""
    return sys.platform != "win32" and status.st_uid not in {0, os.geteuid()}


def _is_private_group(status: os.stat_result) -> bool:
    """Whether the owner is the only member of the group. Most Linux systems make such a group for each user."""
    if sys.platform == "win32" or status.st_gid != status.st_uid:
        return False
    import grp
    import pwd

    try:
        return {*grp.getgrgid(status.st_gid).gr_mem} <= {pwd.getpwuid(status.st_uid).pw_name}
    except KeyError:
        # Users have no names here, as in many containers: equal numbers have to be enough.
        return True
