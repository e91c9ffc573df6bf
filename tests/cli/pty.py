"""The real command on a pseudo-terminal: keys go in, and all that it draws is kept."""

import fcntl
import os
import re
import select
import signal
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Self

import pyte
import pyte.screens

from tests.cli.fork_server import fork
from tests.cli.shell import COMMAND, PATIENCE, environment, usual

# The child makes the terminal its own, so that Ctrl-C typed into it becomes a signal.
TAKE = """
import fcntl, os, sys, termios
os.setsid()
fcntl.ioctl(0, termios.TIOCSCTTY, 0)
os.execv(sys.argv[1], sys.argv[1:])
"""

ESCAPES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]|\x1b\][^\x07]*\x07|[\x01\x02\r]")

ROWS, COLUMNS = 24, 100
CTRL_C, CTRL_D, TAB, ENTER, UP = "\x03", "\x04", "\t", "\r", "\x1b[A"
ALT_ENTER = "\x1b\r"


class Started:
    """A run by a new interpreter, if what it reads when it starts is not as usual; otherwise as `Forked`."""

    def __init__(
        self, home: Path, arguments: Sequence[str], env: Mapping[str, str], handles: tuple[int, int, int]
    ) -> None:
        stdin, stdout, stderr = handles
        words = [sys.executable, "-c", TAKE, *COMMAND, *arguments]
        self._process = subprocess.Popen(words, stdin=stdin, stdout=stdout, stderr=stderr, cwd=home, env=env)

    def send_signal(self, number: int) -> None:
        """Signals the process."""
        self._process.send_signal(number)

    def wait_stopped(self) -> None:
        """Waits until a signal has stopped the process."""
        os.waitpid(self._process.pid, os.WUNTRACED)

    def wait(self) -> int:
        """The exit code, once it has ended."""
        return self._process.wait(PATIENCE)

    def close(self) -> None:
        """Kills the process if it is still there."""
        self._process.kill()
        self._process.wait()


class Terminal:
    """One run of the command; `out`: where its stdout goes instead. `drawn`: every byte that came, as text."""

    def __init__(
        self,
        home: Path,
        *arguments: str,
        env: Mapping[str, str] | None = None,
        out: Path | None = None,
        columns: int = COLUMNS,
    ) -> None:
        self._master, slave = os.openpty()
        self._slave = os.ttyname(slave)
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", ROWS, columns, 0, 0))
        self._mode = termios.tcgetattr(slave)[:4]
        stdout = slave if out is None else os.open(out, os.O_WRONLY | os.O_CREAT)
        variables = environment(home, env)
        given = (slave, stdout, slave)
        self._process = (
            fork(home, arguments, variables, given, terminal=True)
            if usual(variables)
            else Started(home, arguments, variables, given)
        )
        for handle in {slave, stdout}:
            os.close(handle)
        self._data = b""
        self._seen = 0
        self._screen = pyte.HistoryScreen(columns, ROWS, history=1000)
        self._stream = pyte.ByteStream(self._screen)

    @property
    def drawn(self) -> str:
        return self._data.decode(errors="replace")

    @property
    def text(self) -> str:
        """What was drawn, without colours and movements."""
        return ESCAPES.sub("", self.drawn)

    @property
    def shown(self) -> str:
        """What can be seen now, and above it what has scrolled away; lines without spaces at their ends."""
        rows = [*self._screen.history.top, *(self._screen.buffer[row] for row in range(ROWS))]
        text = "\n".join(line_text(row, self._screen.columns) for row in rows).rstrip("\n")
        return f"{text}\n" if self._screen.cursor.x == 0 and text else text

    @property
    def row(self) -> str:
        """The row in which the cursor is."""
        return line_text(self._screen.buffer[self._screen.cursor.y], self._screen.columns)

    def press(self, keys: str) -> None:
        """Presses keys."""
        os.write(self._master, keys.encode(errors="surrogateescape"))

    def type_ahead(self, keys: str) -> None:
        """Presses keys while the program does not read, and waits until the system holds them: it gets them later."""
        self.press(keys)
        slave = os.open(self._slave, os.O_RDONLY | os.O_NOCTTY)
        try:
            ends, held = time.monotonic() + PATIENCE, 0
            while held < len(keys) and time.monotonic() < ends:
                (held,) = struct.unpack("i", fcntl.ioctl(slave, termios.FIONREAD, bytes(4)))
        finally:
            os.close(slave)
        assert held >= len(keys)

    def line(self, text: str) -> None:
        """Types a line when the prompt is there."""
        self.expect("›")
        self.press(text + ENTER)
        # What is typed is drawn too: it is not what is waited for next.
        self.expect(text[-20:])

    def paste(self, text: str) -> None:
        """Pastes lines when the prompt is there, and sends them: https://invisible-island.net/xterm/xterm-paste64.html"""
        self.expect("›")
        assert self.drawn.rfind("\x1b[?2004h") > self.drawn.rfind("\x1b[?2004l"), "nobody asked for brackets around it"
        self.press(f"\x1b[200~{text}\x1b[201~{ENTER}")

    def expect(self, wanted: str) -> None:
        """Waits until `wanted` is drawn, behind what was waited for before."""
        deadline = time.monotonic() + PATIENCE
        while (found := self.text.find(wanted, self._seen)) < 0:
            assert self._more(deadline), f"expected {wanted!r} behind {self.text[self._seen :]!r}"
        self._seen = found + len(wanted)

    def expect_row(self, wanted: str) -> None:
        """Waits until the cursor's row is `wanted`."""
        deadline = time.monotonic() + PATIENCE
        while self.row != wanted:
            assert self._more(deadline), f"expected the row {wanted!r}, got {self.row!r} of\n{self.shown}"

    def wait_until(self, holds: Callable[[], bool]) -> None:
        """Waits until what was drawn has made `holds` true."""
        deadline = time.monotonic() + PATIENCE
        while not holds():
            assert self._more(deadline), f"expected something else of\n{self.shown}"

    def soon(self, wanted: str) -> bool:
        """Whether `wanted` can be seen within a second."""
        deadline = time.monotonic() + 1
        while wanted not in self.shown:
            if not self._more(deadline):
                return False
        return True

    def leave_and_come_back(self, wanted: str) -> None:
        """What Ctrl-Z and `fg` do, until `wanted` is drawn."""
        self._repeat(self._suspend_and_resume, wanted)

    def close_window(self) -> None:
        """Ends the command as a window does that is closed."""
        self.signal(signal.SIGHUP)
        self._process.wait()

    def signal(self, number: int) -> None:
        """Signals the command alone, as `kill` does."""
        self._process.send_signal(number)

    def is_usual(self) -> bool:
        """Whether what is typed is shown and comes by lines, as before the command, and the cursor can be seen."""
        mode = termios.tcgetattr(self._master)
        return mode[:4] == self._mode and not self._screen.cursor.hidden

    def hang_up(self) -> int:
        """Takes the terminal away, as the end of a connection does; the exit code."""
        os.close(self._master)
        self._master = os.open(os.devnull, os.O_RDONLY)
        return self._process.wait()

    def end(self) -> int:
        """Waits for the end; the exit code."""
        deadline = time.monotonic() + PATIENCE
        while self._more(deadline):
            continue
        return self._process.wait()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._process.close()
        os.close(self._master)

    def _repeat(self, act: Callable[[], None], wanted: str) -> None:
        """Acts until `wanted` is drawn: a signal may come before anybody waits for it."""
        for _ in range(PATIENCE):
            act()
            deadline = time.monotonic() + 1
            while self._more(deadline):
                if wanted in self.text[self._seen :]:
                    return self.expect(wanted)
        raise AssertionError(f"expected {wanted!r} behind {self.text[self._seen :]!r}")

    def _suspend_and_resume(self) -> None:
        """Between the two a shell sets the terminal as it likes it."""
        self._process.send_signal(signal.SIGSTOP)
        self._process.wait_stopped()
        mode = termios.tcgetattr(self._master)
        mode[3] |= termios.ECHO | termios.ICANON
        termios.tcsetattr(self._master, termios.TCSANOW, mode)
        self._process.send_signal(signal.SIGCONT)

    def _more(self, deadline: float) -> bool:
        """Reads what comes; False at the end, or when patience is."""
        ready, _, _ = select.select([self._master], [], [], max(0.0, deadline - time.monotonic()))
        if not ready:
            return False
        try:
            data = os.read(self._master, 1 << 16)
        except OSError:  # Linux's way to say that nobody holds the other end
            return False
        self._data += data
        self._stream.feed(data)
        return bool(data)


def line_text(line: Mapping[int, pyte.screens.Char], columns: int) -> str:
    """A row of a screen as text; the second half of a wide character is empty."""
    return "".join(line[column].data for column in range(columns)).rstrip()
