"""What a HUP means: that the terminal is gone, or that the configuration is to be read again."""

import os


class Terminal:
    """The terminal from which this process was started, if there is one."""

    def __init__(self) -> None:
        self._was_there = _is_there()

    @property
    def is_gone(self) -> bool:
        """Whether there was one, and it was closed since: the kernel takes it away before it sends the signal."""
        return self._was_there and not _is_there()


def _is_there() -> bool:
    try:
        os.close(os.open("/dev/tty", os.O_RDONLY | os.O_NOCTTY))
    except OSError:
        return False
    return True
