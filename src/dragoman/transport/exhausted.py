"""Failures because this process can open nothing more, which is no service's fault. Knows no service."""

import errno
import os

from dragoman.errors import OverloadedError

OURS = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM})
"""No descriptor is left, in the process or in the system, or no memory in the kernel."""

NAME = "dragoman"
"""The name of the provider at fault: ourselves."""


def is_exhausted(error: BaseException) -> bool:
    """Whether the reason of `error`, raised on the way to a service, is that this process can open nothing more."""
    # The resolver and libcurl only say that they failed, so a descriptor is opened to find out.
    return (isinstance(error, OSError) and error.errno in OURS) or not _has_room(1)


def check_room(descriptors: int) -> None:
    """Raises OverloadedError without so many descriptors: for objects that would be kept, but would never work."""
    if not _has_room(descriptors):
        raise overloaded()


def overloaded() -> OverloadedError:
    """Our own error. No other target could be reached either, so none is tried."""
    error = OverloadedError("no file descriptor is left for a connection: raise the limit (ulimit -n)", provider=NAME)
    error.retryable = False
    return error


def _has_room(descriptors: int) -> bool:
    opened: list[int] = []
    try:
        for _ in range(descriptors):
            opened.append(os.open(os.devnull, os.O_RDONLY))
    except OSError as exc:
        return exc.errno not in OURS
    finally:
        for each in opened:
            os.close(each)
    return True
