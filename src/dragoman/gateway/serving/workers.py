"""Several processes that listen at one address: each that dies is replaced. Does not know what they do.

    signals ──> pipe ──> parent ──> a pipe to each ──> workers

The parent only waits: for a signal, for the end of a worker, or for the time to try again. Signals become bytes in a
pipe, which it reads one after another: so no signal interrupts it at a wrong moment. Its orders to a worker are bytes
in another pipe. If the parent dies, in whatever way, that pipe ends, and the worker knows. So no signal is passed on,
and one that a terminal or a supervisor sends to parent and workers alike counts once.
"""

import ctypes
import logging
import os
import select
import signal
import time
import traceback
from collections.abc import Callable
from contextlib import suppress
from enum import IntEnum
from math import inf

from msgspec import Struct

from dragoman.errors import ConfigurationError, DragomanError
from dragoman.gateway.serving.beats import PERIOD, Beats
from dragoman.gateway.serving.hangup import Terminal
from dragoman.gateway.serving.server import COVER, NOW, OWN, RELOAD, REOPEN, STOP

STOPS, OTHERS = (
    tuple(signal.Signals[name] for name in names if name in signal.Signals.__members__)  # Windows lacks most
    for names in (("SIGINT", "SIGTERM", "SIGQUIT", "SIGHUP"), ("SIGUSR1", "SIGUSR2", "SIGCHLD"))
)
HEARD = (*STOPS, *OTHERS)

PAUSE = 0.5
"""Seconds until another worker is tried if one could not start; twice as long after each further one."""

MAX_PAUSE = 60.0

YOUNG = 1.0
"""Seconds after which a worker counts as started: one that ends earlier could not start."""

TRIES = 5
"""Workers in a row that cannot start until the parent gives up, if no other worker serves: some eight seconds."""

PDEATHSIG = 1
"""Asks Linux for a signal when the parent dies: PR_SET_PDEATHSIG of prctl(2)."""

log = logging.getLogger("dragoman.gateway")


class End(IntEnum):
    """How a worker ended: its exit code, which its parent reads."""

    WELL = 0
    FAILED = 1
    WRONG = 3
    INTERRUPTED = 9


class Worker(Struct, frozen=True):
    """A process. `words`: the parent's end of the pipe to it; `place`: its number, which its successor will have."""

    born: float
    words: int
    place: int


Work = Callable[[int, int], bool]
"""What a worker does; it gets its end of the pipe from its parent, and its place: a number from 0 on that no other
worker has at the time. False if answers were interrupted in the end."""


Duty = Callable[[], bool]
"""What the parent does beside its workers. True if the workers are to be told, mostly to reload."""


class Repeated(Struct, frozen=True):
    """A duty that is done every `seconds`; `to_the_end`: while it stops, too. `order`: what workers are told then."""

    duty: Duty
    seconds: float
    to_the_end: bool = False
    order: int = RELOAD


class WorkerTask(Struct, frozen=True):
    """What several processes do."""

    work: Work
    ready: Callable[[], None]
    """Called when the parent has begun to handle signals."""
    leave: Callable[[], None]
    """Called when the parent has to stop. It closes the parent's copies of the shared sockets, because otherwise the
    address is in use until the last worker ends; each worker has its own copies."""
    reload: Duty | None = None
    """Called on SIGHUP; None: that stops it."""
    repeated: tuple[Repeated, ...] = ()
    beats: Beats | None = None
    """Written by each worker as long as its loop turns; None: nobody looks whether it does."""
    timeout: float = inf
    """Seconds without a beat after which a worker is killed."""
    ended: Callable[[int], None] = lambda place: None
    """Called with the place of each worker that has ended."""


def run_workers(count: int, shared: WorkerTask, pause: float = PAUSE) -> bool:
    """Keeps `count` processes running until a signal stops it; False if answers were interrupted in the end.

    Raises ConfigurationError if none can start.
    """
    wakeup, waker = os.pipe()
    os.set_blocking(waker, False)
    before = {number: signal.getsignal(number) for number in HEARD}
    for number, handler in before.items():
        if handler is not signal.SIG_IGN or number in (signal.SIGCHLD, signal.SIGUSR2):  # what workers send
            signal.signal(number, _no_more)
    old = signal.set_wakeup_fd(waker, warn_on_full_buffer=False)
    try:
        shared.ready()
        return Workers(count, shared, pause, (wakeup, waker)).run()
    finally:
        signal.set_wakeup_fd(old)
        for number, handler in before.items():
            signal.signal(number, handler)
        os.close(wakeup)
        os.close(waker)


def _no_more(number: int, frame: object) -> None:
    """Does nothing: the signal is a byte in the pipe already."""


class Workers:
    """The processes of one parent."""

    def __init__(self, count: int, shared: WorkerTask, pause: float, pipe: tuple[int, int]) -> None:
        self._count = count
        self._shared = shared
        self._terminal = Terminal()
        self._due = {place: time.monotonic() + each.seconds for place, each in enumerate(shared.repeated)}
        """When each of the repeated duties is to be done, by its place."""
        self._look_at = inf if shared.beats is None else time.monotonic() + PERIOD
        """When it is to be seen whether all workers live."""
        self._pause = pause
        self._pipe = pipe
        self._workers: dict[int, Worker] = {}
        self._stopping = False
        self._well = True
        self._failures = 0
        self._trial = 0
        self._again = 0.0
        self._covered = False
        """Whether workers accept callers of one that is missing."""
        self._refilled = False
        """Whether a worker has ended since that was asked for: before that, it is still missing."""

    def run(self) -> bool:
        """Returns once it was stopped and all workers have ended."""
        while self._workers or not self._stopping:
            self._fill()
            self._do_duties()
            self._look()
            ready, _, _ = select.select([self._pipe[0]], [], [], self._patience())
            for number in os.read(self._pipe[0], 1000) if ready else b"":
                self._heed(number)
            self._reap()
            if self._in_vain and not self._stopping:
                raise ConfigurationError("no worker could start; what was said before this tells why")
        return self._well

    def _fill(self) -> None:
        now = time.monotonic()
        trial = self._workers.get(self._trial)
        if self._failures and trial is not None and now - trial.born >= YOUNG:
            self._failures = 0
        while len(self._workers) < self._count and not self._stopping and now >= self._again:
            self._fork(now)
            if self._failures:
                self._again = now + YOUNG  # one at a time, until one has started
        if self._covered and self._refilled and not self._failures and len(self._workers) == self._count:
            self._covered = self._refilled = False
            self._say(OWN)

    def _cover(self, *, ended: bool) -> None:
        """A worker accepts nobody, and may have `ended`: the others do it in its place, until all are there again."""
        self._covered, self._refilled = True, ended
        self._say(COVER)

    def _patience(self) -> float | None:
        """Seconds until there is something to do without a signal; None: nothing."""
        times = []
        if not self._stopping and (len(self._workers) < self._count or self._failures):
            times.append(self._again)
        times += [due for place, due in self._due.items() if self._is_wanted(place)]
        if self._look_at < inf:
            times.append(self._look_at)
        return max(0.0, min(times) - time.monotonic()) if times else None

    def _is_wanted(self, place: int) -> bool:
        return self._shared.repeated[place].to_the_end or not self._stopping

    def _do_duties(self) -> None:
        now = time.monotonic()
        for place, each in enumerate(self._shared.repeated):
            if now >= self._due[place] and self._is_wanted(place):
                self._due[place] = now + each.seconds
                if each.duty():
                    self._say(each.order)

    def _look(self) -> None:
        """Kills workers whose loop stands, also while they are to stop: they would never end."""
        beats, now = self._shared.beats, time.monotonic()
        if beats is None or now < self._look_at:
            return
        self._look_at = now + PERIOD
        for pid, worker in self._workers.items():
            if (silence := beats.silence(worker.place)) > self._shared.timeout:
                log.error("the event loop of worker %d has stood for %.1f s; it is killed", pid, silence)
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)

    def _heed(self, number: int) -> None:
        match number:
            case signal.SIGUSR1:
                self._say(REOPEN)
            case signal.SIGUSR2 if not self._stopping:
                self._cover(ended=False)
            case signal.SIGHUP if self._stopping:
                return  # the end of a session also sends it
            case signal.SIGHUP if self._shared.reload is not None and not self._terminal.is_gone:
                if self._shared.reload():
                    self._say(RELOAD)
            case _ if number in STOPS and self._stopping:
                self._say(NOW)
            case _ if number in STOPS:
                self._stopping = True
                self._shared.leave()
                self._say(STOP)

    def _say(self, word: int) -> None:
        for worker in self._workers.values():
            with suppress(BrokenPipeError):  # it has ended, and was not reaped yet
                os.write(worker.words, bytes([word]))

    def _reap(self) -> None:
        for known in tuple(self._workers):  # not any child: commands that print keys are the business of others
            pid, status = os.waitpid(known, os.WNOHANG)
            if pid:
                worker = self._workers.pop(pid)
                os.close(worker.words)
                self._shared.ended(worker.place)
                self._refilled = True
                self._judge(pid, os.waitstatus_to_exitcode(status), time.monotonic() - worker.born)

    def _judge(self, pid: int, code: int, age: float) -> None:
        if self._stopping:
            self._well = self._well and code == End.WELL
            return
        said = f"was killed by {signal.Signals(-code).name}" if code < 0 else f"ended with {code}"
        if code == End.WRONG or age < YOUNG:
            self._fail(pid)
            then = "that was the last try" if self._in_vain else f"the next is tried in {self._delay():g} s"
            log.warning("worker %d %s as soon as it was there; %s", pid, said, then)
        else:
            log.warning("worker %d %s; another takes its place", pid, said)

    @property
    def _in_vain(self) -> bool:
        return self._failures >= TRIES and not self._workers

    def _fail(self, pid: int) -> None:
        """A worker could not start. Workers that were tried together count as one."""
        self._cover(ended=True)
        if not self._failures or pid == self._trial:
            self._failures += 1
            self._trial = 0
            self._again = time.monotonic() + self._delay()

    def _delay(self) -> float:
        return min(self._pause * 2.0 ** (self._failures - 1), MAX_PAUSE)

    def _fork(self, now: float) -> None:
        hears, words = os.pipe()
        parent = os.getpid()
        place = min(set(range(self._count)) - {worker.place for worker in self._workers.values()})
        if self._shared.beats is not None:
            self._shared.beats.beat(place)
        # Signals are blocked until the new process has its own handlers: else it writes to the parent's pipe.
        signal.pthread_sigmask(signal.SIG_BLOCK, HEARD)
        try:
            pid = os.fork()
            if not pid:
                self._begin(hears, words, parent, place)
            self._workers[pid] = Worker(now, words, place)
            self._trial = pid
        except OSError as exc:
            os.close(words)
            self._fail(self._trial)
            log.error("no process for a worker: %s; the next try is in %g s", exc.strerror, self._delay())
        finally:
            os.close(hears)
            signal.pthread_sigmask(signal.SIG_UNBLOCK, HEARD)

    def _begin(self, hears: int, words: int, parent: int, place: int) -> None:
        """The child's side; does not return."""
        code = End.FAILED
        try:
            for descriptor in (*self._pipe, words, *(worker.words for worker in self._workers.values())):
                os.close(descriptor)
            _become_child(parent)
            code = End.WELL if self._shared.work(hears, place) else End.INTERRUPTED
        except DragomanError as exc:
            log.error("a worker cannot go on: %s", exc)
            code = End.WRONG if isinstance(exc, ConfigurationError) else End.FAILED
        except Exception as exc:  # noqa: BLE001  # the edge of the process: its end must be this one
            where = traceback.extract_tb(exc.__traceback__)[-1]
            log.error("a worker failed: %s (in %s, line %s)", type(exc).__name__, where.name, where.lineno)
        finally:
            os._exit(code)


def _become_child(parent: int) -> None:
    """Obeys only its parent: a terminal sends its signals to each process of the group, and one is enough."""
    signal.set_wakeup_fd(-1)
    for number in STOPS:
        signal.signal(number, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, HEARD)
    with suppress(OSError, AttributeError):  # without prctl, the end of the pipe has to be enough
        ctypes.CDLL(None).prctl(PDEATHSIG, signal.SIGTERM)
    if os.getppid() != parent:
        os._exit(End.FAILED)
