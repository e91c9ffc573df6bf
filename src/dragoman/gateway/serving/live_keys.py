"""Keys that commands print, while a gateway serves: the commands are run again, and nobody waits for them.

The process that reads the configuration runs them: the only one, or the parent of several workers. It looks at them
once a second. What they print reaches the workers through memory that all share, before they are told to look there.
"""

import mmap
import time
from collections.abc import Callable, Mapping, Sequence
from hashlib import sha256

import msgspec

from dragoman.config import Config
from dragoman.config.commands import Printed, Running, Words, ended, run_all
from dragoman.config.renewal import Renewal
from dragoman.errors import ConfigurationError
from dragoman.wire import json

SIZE = 4 << 20
"""Bytes that workers share: of 64 commands, each with the longest output. What is not written takes no memory."""

TRIES = 50
"""How often a worker reads what its parent may be writing, every 10 ms."""

PAUSE = 0.01

DIGEST = sha256().digest_size
HEAD = 1 + DIGEST + 8
"""A mark that a service has refused a key, the digest of what follows, and its length."""


class LiveKeys:
    """The commands of the configuration in force."""

    def __init__(self, config: Config, clock: Callable[[], float] = time.monotonic) -> None:
        self._config = config
        self._renewal = Renewal(config, clock)
        self._under_way: dict[Words, Running] = {}

    @property
    def wanted(self) -> bool:
        """Whether there is anything to look at."""
        return bool(self._under_way or self._renewal.due())

    def look(self) -> Config | None:
        """Begins the commands whose time has come. Once all have ended: the configuration with other keys, if there are
        any. Does not wait; may be called in a thread."""
        if not self._under_way:
            self._under_way = {words: Running(words, self._renewal.environ) for words in self._renewal.due()}
            return None
        found = ended(self._under_way)
        if len(found) < len(self._under_way):
            return None
        self._under_way = {}
        return self._renewal.take(found)

    def settle(self, config: Config) -> None:
        """`config` is in force."""
        self._config = config
        self._renewal.settle(config)

    def hurry(self) -> None:
        """A service has refused a key."""
        self._renewal.hurry()

    def run_new(self, commands: Sequence[Words], environ: Mapping[str, str]) -> dict[Words, Printed]:
        """Runs those commands that the configuration in force does not have (a `Run`); of others, the key is known."""
        known = {each.words: Printed(each.text) for each in self._config.secret_commands}
        new = run_all([words for words in commands if words not in known], environ)
        return {words: known.get(words) or new[words] for words in commands}

    def close(self) -> None:
        """Ends what is under way."""
        for running in self._under_way.values():
            running.kill()
        self._under_way = {}


class SharedKeys:
    """What commands have printed, for all workers that are forked from now on. One process writes."""

    def __init__(self, size: int = SIZE) -> None:
        self._memory = mmap.mmap(-1, size)

    def write(self, config: Config) -> None:
        """The keys of `config`. Raises ConfigurationError if they are too many."""
        texts = [(each.words, each.text) for each in config.secret_commands]
        data = json.encode(texts)
        if HEAD + len(data) > len(self._memory):
            raise ConfigurationError(f"expected keys of commands of at most {SIZE >> 20} MiB in all, got more")
        self._memory[1:HEAD] = sha256(data).digest() + len(data).to_bytes(8, "big")
        self._memory[HEAD : HEAD + len(data)] = data

    def read(self) -> dict[Words, str]:
        """The same in a worker, in a thread. Raises ConfigurationError if they are never complete."""
        for _ in range(TRIES):
            digest, length = self._memory[1 : 1 + DIGEST], int.from_bytes(self._memory[1 + DIGEST : HEAD], "big")
            data = self._memory[HEAD : HEAD + length]
            if sha256(data).digest() == digest:
                return dict(msgspec.json.decode(data, type=list[tuple[Words, str]]))
            time.sleep(PAUSE)
        raise ConfigurationError("the parent has not written the keys of commands")

    def run(self, commands: Sequence[Words], environ: Mapping[str, str]) -> dict[Words, Printed]:
        """What the parent's commands have printed, as a `Run`."""
        texts = self.read()
        missing = Printed(failure="one that the parent of this worker has not run yet")
        return {words: Printed(texts[words]) if words in texts else missing for words in commands}

    def refused(self) -> None:
        """A service has refused a key of one worker."""
        self._memory[0] = 1

    def was_refused(self) -> bool:
        """Whether that has happened since the last call."""
        found, self._memory[0] = bool(self._memory[0]), 0
        return found
