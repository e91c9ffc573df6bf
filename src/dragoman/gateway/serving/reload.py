"""Reading the configuration again while the gateway runs. A wrong one changes nothing. Knows no server."""

import logging
from collections.abc import Callable
from pathlib import Path
from time import monotonic

from msgspec.structs import asdict

from dragoman.client import Client
from dragoman.config import Config
from dragoman.config.commands import Run
from dragoman.errors import AuthenticationError, ConfigurationError
from dragoman.gateway.check import checked
from dragoman.gateway.log import set_level
from dragoman.gateway.serving.file_watch import FileWatch, Look, mark
from dragoman.gateway.serving.live_keys import LiveKeys, SharedKeys
from dragoman.providers.catalogue import look_again
from dragoman.routing.board import Board
from dragoman.types import Outcome

Load = Callable[[Run], Config]
"""Reads the configuration; what its commands print is found out by this `Run`. Raises ConfigurationError."""

PERIOD = 1.0
"""Seconds between two looks at the files: a change is in force after two of them."""

FIXED = ("host", "port", "listen", "listen_mode", "workers", "worker_timeout")
"""Settings of `gateway` that hold until the gateway is started again: by then its sockets and processes exist."""

REFUSED = frozenset({401, AuthenticationError.code})
"""The status of a service that refuses a key, and the code of an error that means it: Bedrock says that with 403."""

log = logging.getLogger("dragoman.gateway")


def files_of(config: Config) -> tuple[Path, ...]:
    """The files on which a configuration depends."""
    certificates = (Path(entry.ca_file) for entry in config.providers.values() if entry.ca_file is not None)
    return tuple(dict.fromkeys((*config.files, *config.secret_files, *certificates)))


class LiveConfig:
    """The configuration in force, and where it comes from.

    `load`: None if it cannot be read again. `board`: what several processes share of targets that rest; `shared`: their
    keys. `quiet`: another process tells of each reload, and this one only if it fails here.
    """

    def __init__(
        self,
        config: Config,
        load: Load | None,
        look: Look = mark,
        *,
        board: Board | None = None,
        shared: SharedKeys | None = None,
        quiet: bool = False,
        clock: Callable[[], float] = monotonic,
    ) -> None:
        self.config = config
        self.board = board
        self._begun = config
        self._load = load
        self._quiet = quiet
        self._watch = FileWatch(files_of(config), look)
        self._shared = shared
        self._keys = LiveKeys(config, clock)
        self._share(config)

    def of_worker(self) -> "LiveConfig":
        """The same for a worker, whose parent tells of each reload, and runs the commands."""
        return LiveConfig(self.config, self._load, board=self.board, shared=self._shared, quiet=True)

    @property
    def can_reload(self) -> bool:
        """Whether there is anything to read again."""
        return self._load is not None and bool(self.config.files)

    @property
    def may_change(self) -> bool:
        """Whether it may be another one some day."""
        return self.can_reload or bool(self.config.secret_commands)

    @property
    def is_watched(self) -> bool:
        """Whether a change of its files is to be seen."""
        return self.config.gateway.reload == "auto" and self.can_reload

    @property
    def wants_keys(self) -> bool:
        """Whether commands are to be run again, or are under way."""
        if self._shared is not None and self._shared.was_refused():
            self._keys.hurry()
        return self._keys.wanted

    def has_changed(self) -> bool:
        """Whether its files have changed since they were read, and stand still since the last call."""
        return self._watch.look()

    def read(self) -> Client | None:
        """A client of the configuration as its files are now. None if it is wrong: that is logged, and changes nothing.

        Commands whose keys are known are not run: they are afterwards, once it is in force. May be called in a thread.
        """
        self._watch.note()
        look_again()
        run = self._shared.run if self._quiet and self._shared is not None else self._keys.run_new
        try:
            assert self._load is not None  # noqa: S101  # it can be read again
            config = self._load(run)
            self._check_files(config)
            return checked(config, board=self.board)
        except ConfigurationError as exc:
            refused(exc)
            return None

    def look_at_keys(self) -> Client | None:
        """Runs commands whose time has come, without waiting for them. A client of their keys, once these are others.

        In a worker: a client of the keys that its parent has found. May be called in a thread.
        """
        try:
            if self._quiet and self._shared is not None:
                config = None if self.config.renew is None else self.config.renew(self._shared.read())
            else:
                config = self._keys.look()
            return None if config is None else checked(config, board=self.board)
        except ConfigurationError as exc:
            log.error("no new keys, and all stays as it was: %s", exc.message.partition("\n")[0])
            return None

    def note(self, outcome: Outcome) -> None:
        """If a service has refused a key that a command has printed, the command is run again at once."""
        if self.config.secret_commands and any(name in self._services for name in refusing(outcome)):
            (self._keys.hurry if self._shared is None else self._shared.refused)()

    @property
    def _services(self) -> frozenset[str]:
        places = (place for each in self.config.secret_commands for place in each.places)
        return frozenset(str(place[1]) for place in places if place[0] == "providers")

    def _check_files(self, config: Config) -> None:
        """Without a file that was used, a configuration is a valid one in which all is missing that stood there."""
        for path in self.config.files:
            if path not in config.files:
                raise ConfigurationError(
                    f"{path}: expected the file that was used until now, got none that may be used; if it has changed, "
                    "run `dragoman trust`, then send HUP"
                )

    def take_keys(self, config: Config) -> None:
        """`config` is in force from now on, which differs in keys alone."""
        self.config = config
        self._keys.settle(config)
        self._share(config)

    def close(self) -> None:
        """Ends commands that are under way."""
        self._keys.close()

    def _share(self, config: Config) -> None:
        if self._shared is not None and not self._quiet:
            try:
                self._shared.write(config)
            except ConfigurationError as exc:
                log.error("workers get no new keys: %s", exc)

    def take(self, config: Config) -> None:
        """`config` is in force from now on, except what cannot change."""
        set_level(config.gateway.log_level)
        old, new = asdict(self._begun.gateway), asdict(config.gateway)
        fixed = [f"gateway.{name}" for name in FIXED if old[name] != new[name]]
        self.take_keys(config)
        self._watch.settle(files_of(config))
        if self._quiet:
            log.debug("this worker has reloaded")
            return
        self._keys.hurry()
        log.info("reloaded: %s", ", ".join(map(str, config.files)) or "no configuration file")
        if fixed:
            log.warning("%s: what was changed there holds after a restart", ", ".join(fixed))


def refused(error: ConfigurationError) -> None:
    """Logs that a configuration is wrong."""
    first, *others = error.message.splitlines()
    more = f" (and {len(others)} more; `dragoman check` lists all)" if others else ""
    log.error("not reloaded, and all stays as it was: %s%s", first, more)


def refusing(outcome: Outcome) -> set[str]:
    """The services that have refused their key."""
    targets = {each.target for each in outcome.attempts if not REFUSED.isdisjoint((each.upstream_status, each.code))}
    if not REFUSED.isdisjoint((outcome.upstream_status, outcome.error)):
        targets.add(outcome.target)
    return {target.partition("/")[0] for target in targets}
