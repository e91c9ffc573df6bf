"""Reading the configuration again while the gateway runs. A wrong one changes nothing. Knows no server."""

import logging
from collections.abc import Callable
from pathlib import Path

from msgspec.structs import asdict

from dragoman.client import Client
from dragoman.config import Config
from dragoman.errors import ConfigurationError
from dragoman.gateway.check import checked
from dragoman.gateway.log import set_level
from dragoman.gateway.serving.file_watch import FileWatch, Look, mark
from dragoman.providers.catalogue import look_again
from dragoman.routing.board import Board

Load = Callable[[], Config]
"""Reads the configuration. Raises ConfigurationError."""

PERIOD = 1.0
"""Seconds between two looks at the files: a change is in force after two of them."""

FIXED = ("host", "port", "listen", "listen_mode", "workers", "worker_timeout")
"""Settings of `gateway` that hold until the gateway is started again: by then its sockets and processes exist."""

log = logging.getLogger("dragoman.gateway")


def files_of(config: Config) -> tuple[Path, ...]:
    """The files on which a configuration depends."""
    certificates = (Path(entry.ca_file) for entry in config.providers.values() if entry.ca_file is not None)
    return tuple(dict.fromkeys((*config.files, *config.secret_files, *certificates)))


class LiveConfig:
    """The configuration in force, and where it comes from.

    `board`: what several processes share of targets that rest. `quiet`: another process tells of each reload, and this
    one only if it fails here.
    """

    def __init__(
        self, config: Config, load: Load, look: Look = mark, *, board: Board | None = None, quiet: bool = False
    ) -> None:
        self.config = config
        self.board = board
        self._begun = config
        self._load = load
        self._quiet = quiet
        self._watch = FileWatch(files_of(config), look)

    def of_worker(self) -> "LiveConfig":
        """The same for a worker, whose parent tells of each reload."""
        return LiveConfig(self.config, self._load, board=self.board, quiet=True)

    @property
    def is_watched(self) -> bool:
        """Whether a change of its files is to be seen."""
        return self.config.gateway.reload == "auto" and bool(self.config.files)

    def has_changed(self) -> bool:
        """Whether its files have changed since they were read, and stand still since the last call."""
        return self._watch.look()

    def read(self) -> Client | None:
        """A client of the configuration as its files are now. None if it is wrong: that is logged, and changes nothing.

        May be called in a thread.
        """
        self._watch.note()
        look_again()
        try:
            config = self._load()
            self._check_files(config)
            return checked(config, board=self.board)
        except ConfigurationError as exc:
            refused(exc)
            return None

    def _check_files(self, config: Config) -> None:
        """Without a file that was used, a configuration is a valid one in which all is missing that stood there."""
        for path in self.config.files:
            if path not in config.files:
                raise ConfigurationError(
                    f"{path}: expected the file that was used until now, got none that may be used; if it has changed, "
                    "run `dragoman trust`, then send HUP"
                )

    def take(self, config: Config) -> None:
        """`config` is in force from now on, except what cannot change."""
        set_level(config.gateway.log_level)
        old, new = asdict(self._begun.gateway), asdict(config.gateway)
        fixed = [f"gateway.{name}" for name in FIXED if old[name] != new[name]]
        self.config = config
        self._watch.settle(files_of(config))
        if self._quiet:
            log.debug("this worker has reloaded")
            return
        log.info("reloaded: %s", ", ".join(map(str, config.files)) or "no configuration file")
        if fixed:
            log.warning("%s: what was changed there holds after a restart", ", ".join(fixed))


def refused(error: ConfigurationError) -> None:
    """Logs that a configuration is wrong."""
    first, *others = error.message.splitlines()
    more = f" (and {len(others)} more; `dragoman check` lists all)" if others else ""
    log.error("not reloaded, and all stays as it was: %s%s", first, more)
