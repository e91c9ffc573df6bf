"""Commands that print a secret: run side by side, within limits, and without a shell. Knows no setting."""

import os
import re
import shutil
import signal
import sys
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from subprocess import DEVNULL, PIPE, Popen
from typing import ClassVar

from dragoman.config.faults import LARGEST
from dragoman.error_words import cut, scrub
from dragoman.types.redacted import Redacted

Words = tuple[str, ...]
"""A program, which is looked up on PATH unless it is a path, and its arguments."""

PATIENCE = 30.0
"""Seconds that a command may take: `gcloud` and `az` take one or two, and ask their service if a token has expired."""

STEP = 0.01
"""Seconds between two looks at commands that somebody waits for."""

ERRORS = 1 << 14
"""Bytes of what a command says on stderr that are looked at: a traceback of Python's stands in them."""

TRACEBACK = "Traceback (most recent call last):"
"""The first line of a traceback of Python. The error itself is in the last line."""

READS = 16
"""Reads of a pipe in one look: the look ends even if a command never stops writing."""

TOKEN = re.compile(r"(?=[\w+=~-]*[0-9])(?=[\w+=~-]*[A-Za-z])[\w+=~-]{20,}", re.ASCII)
"""What may be a key, whatever its form: letters and digits in a long run. No word of an error is like that."""


class Printed(Redacted, frozen=True):
    """What became of a command: the secret, or why there is none."""

    hidden: ClassVar[frozenset[str]] = frozenset({"text"})
    text: str = ""
    failure: str = ""
    """What came in place of a command that prints a secret, in words; empty: `text` is the secret."""


Run = Callable[[Sequence[Words], Mapping[str, str]], Mapping[Words, Printed]]
"""Says of each of some different commands what it printed; they get these variables of the environment."""

STAND_IN = "http://stand-in.invalid"
"""In place of a secret that is not needed: a text that each setting takes."""


def run_all(commands: Sequence[Words], environ: Mapping[str, str], patience: float = PATIENCE) -> dict[Words, Printed]:
    """Runs each of `commands`, all at the same time, and returns once all have ended: after `patience` s at most."""
    under_way = {words: Running(words, environ, patience) for words in commands}
    found: dict[Words, Printed] = {}
    try:
        while len(found) < len(under_way):
            found |= ended(under_way, found)
            if len(found) < len(under_way):
                time.sleep(STEP)
    finally:
        for running in under_way.values():
            running.kill()
    return found


def run_none(commands: Sequence[Words], environ: Mapping[str, str]) -> dict[Words, Printed]:
    """Runs nothing: for those who need the other settings alone."""
    return dict.fromkeys(commands, Printed(STAND_IN))


def ended(under_way: Mapping[Words, "Running"], known: Iterable[Words] = ()) -> dict[Words, Printed]:
    """What became of those that have ended by now, without the `known` ones."""
    looks = {words: running.look() for words, running in under_way.items() if words not in known}
    return {words: printed for words, printed in looks.items() if printed is not None}


class Running:
    """A command under way. It is looked at until it has ended; nobody waits for it.

    stdin is empty, so that it cannot ask anything. It has a process group of its own, for Ctrl-C to be heard by us
    alone, and for nothing of it to be left after `patience` seconds.
    """

    def __init__(self, words: Words, environ: Mapping[str, str], patience: float = PATIENCE) -> None:
        self._patience = patience
        self._ends = time.monotonic() + patience
        self._out, self._err = bytearray(), bytearray()
        self._process: Popen[bytes] | None = None
        self._ended: Printed | None = None
        program = shutil.which(words[0], path=environ.get("PATH", os.defpath))
        if sys.platform == "win32":
            self._ended = Printed(failure="one on Windows, where none is run")
        elif program is None:
            words_in_one = "; each argument is a text of its own" if " " in words[0] else ""
            self._ended = Printed(failure=f"one whose program is not found, or may not be run{words_in_one}")
        else:
            try:
                self._process = Popen(  # noqa: S603  # what the user's configuration names; no shell
                    [program, *words[1:]],
                    stdin=DEVNULL,
                    stdout=PIPE,
                    stderr=PIPE,
                    env=dict(environ),
                    process_group=0,
                )
            except (OSError, ValueError) as exc:
                reason = exc.strerror if isinstance(exc, OSError) else "its words, or the environment, are no text"
                self._ended = Printed(failure=f"one that cannot be run: {reason}")
            else:
                for pipe in self._pipes():
                    os.set_blocking(pipe, False)

    def look(self) -> Printed | None:
        """What became of it; None: it is under way."""
        if self._ended is None:
            self._ended = self._looked()
            if self._ended is not None:
                self.kill()
        return self._ended

    def kill(self) -> None:
        """Ends it and what it has started, if it has not ended, and lets go of its pipes."""
        process, self._process = self._process, None
        if process is None:
            return
        if process.poll() is None:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        for stream in (process.stdout, process.stderr):
            if stream is not None:
                stream.close()

    def _looked(self) -> Printed | None:
        assert self._process is not None  # noqa: S101  # it has not ended
        status = self._process.poll()  # before the last read: what it wrote is in the pipe by then
        out, err = self._pipes()
        _drain(out, self._out, LARGEST + 1)
        _drain(err, self._err, ERRORS)
        if len(self._out) > LARGEST:
            return Printed(failure=f"one that prints more than {LARGEST >> 10} KiB")
        if status is None:
            late = time.monotonic() >= self._ends
            return Printed(failure=f"one that took more than {self._patience:g} s") if late else None
        if status:
            what = f"was ended by {signal.Signals(-status).name}" if status < 0 else f"ended with status {status}"
            said = first_line(bytes(self._err), bytes(self._out))
            return Printed(failure=f"one that {what}{f' and said: {said}' if said else ', and said nothing'}")
        try:
            text = self._out.decode().removesuffix("\n").removesuffix("\r")
        except UnicodeDecodeError:
            return Printed(failure="one that prints other bytes than UTF-8")
        return Printed(text) if text else Printed(failure="one that printed nothing")

    def _pipes(self) -> tuple[int, int]:
        process = self._process
        assert process is not None and process.stdout is not None and process.stderr is not None  # noqa: S101, PT018  # pipes
        return process.stdout.fileno(), process.stderr.fileno()


def first_line(err: bytes, out: bytes = b"") -> str:
    """What a command said on stderr, without all that may be a key: the first line that calls itself an error, else the
    last one of a traceback, else the first.

    It is what helps: `gcloud`, `az` and `op` say there that one must log in, after what they warn of. Nothing that
    stands on stdout is shown, no long run of letters and digits, and nothing that looks like a credential.
    """
    lines = [text for line in err.decode(errors="replace").splitlines() if (text := line.strip())]
    first = lines[-1] if TRACEBACK in lines else next(iter(lines), "")
    shown = next((line for line in lines if line.lower().startswith("error")), first)
    line = "".join(letter if letter.isprintable() else " " for letter in shown)
    for secret in out.decode(errors="replace").split():
        line = line.replace(secret, "…")
    return cut(TOKEN.sub("…", scrub(line)))


def _drain(pipe: int, into: bytearray, most: int) -> None:
    """Reads what is there, and keeps the first bytes of it, `most` at most."""
    for _ in range(READS):
        try:
            data = os.read(pipe, LARGEST)
        except BlockingIOError:
            return
        if not data:
            return
        into += data[: most - len(into)]
