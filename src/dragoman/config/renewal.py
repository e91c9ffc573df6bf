"""When the commands of a configuration are run again, and what becomes of what they print. Runs nothing itself.

A command that fails changes nothing: what it printed before stays. That is logged once, and it is run again soon.
"""

import logging
from collections.abc import Callable, Mapping
from math import inf
from time import monotonic

from dragoman.config.commands import Printed, Words
from dragoman.config.faults import WrongError
from dragoman.config.secrets import SecretCommand
from dragoman.config.values import Config
from dragoman.errors import ConfigurationError

AGAIN = 30.0
"""Seconds after which a command that has failed is run again, if its own time is not shorter."""

HASTE = 10.0
"""Fewest seconds between two runs if a service refuses a key: the new one may be refused as well."""

log = logging.getLogger("dragoman.config")


class Renewal:
    """The commands of the configuration in force, which have just been run. `hurry` may be called in any thread."""

    def __init__(self, config: Config, clock: Callable[[], float] = monotonic) -> None:
        self._clock = clock
        self._config = config
        self._run_at: dict[Words, float] = {}
        self._due: dict[Words, float] = {}
        self._failed: set[Words] = set()
        self.settle(config)

    @property
    def environ(self) -> Mapping[str, str]:
        """What the commands get."""
        return self._config.environ

    @property
    def is_failing(self) -> bool:
        """Whether a command has failed when it was last run."""
        return bool(self._failed)

    def settle(self, config: Config) -> None:
        """`config` is in force. Commands that it has in common with the earlier one keep their times."""
        self._config = config
        commands = {each.words: each for each in config.secret_commands}
        for words in self._due.keys() - commands.keys():
            del self._due[words], self._run_at[words]
            self._failed.discard(words)
        for words, command in commands.items():
            if words not in self._due:
                self._set(command)

    def due(self) -> tuple[Words, ...]:
        """The commands whose time has come."""
        now = self._clock()
        return tuple(words for words, due in list(self._due.items()) if due <= now)

    def hurry(self) -> None:
        """The time of all commands has come, except of those that were run a moment ago."""
        now = self._clock()
        for words, run_at in list(self._run_at.items()):
            if run_at + HASTE <= now:
                self._due[words] = now

    def take(self, printed: Mapping[Words, Printed]) -> Config | None:
        """The configuration with what the commands have `printed` now; None if no secret has changed."""
        assert self._config.renew is not None  # noqa: S101  # it has commands
        texts = {each.words: each.text for each in self._config.secret_commands}
        found: Config | None = None
        for each in self._config.secret_commands:
            if each.words not in printed:
                continue
            fresh = printed[each.words]
            failure = f"{self._where(each)}: {_words(fresh)}" if fresh.failure else ""
            if not failure and fresh.text != each.text:
                try:
                    found = self._config.renew({**texts, each.words: fresh.text})
                    texts[each.words] = fresh.text
                    log.info("%s: its command has printed another one", self._where(each))
                except ConfigurationError as exc:
                    failure = exc.message.partition("\n")[0]
            self._set(each, failure)
        return found

    def _set(self, command: SecretCommand, failure: str = "") -> None:
        now, words = self._clock(), command.words
        every = inf if command.every is None else command.every
        self._run_at[words] = now
        self._due[words] = now + (min(every, AGAIN) if failure else every)
        if not failure:
            self._failed.discard(words)
        elif words not in self._failed:
            self._failed.add(words)
            log.warning("%s; what it printed before stays, and it is run again in %g s", failure, min(every, AGAIN))

    def _where(self, command: SecretCommand) -> str:
        return self._config.where(*command.places[0])


def _words(printed: Printed) -> str:
    return str(WrongError("a command that prints the secret", printed.failure))
