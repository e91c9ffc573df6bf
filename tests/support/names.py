"""A resolver that answers by a script, so that no name leaves the machine."""

import asyncio
import socket
from collections.abc import Sequence
from threading import Event, Lock, Semaphore
from typing import Literal

from dragoman.transport.native.sockets import Address

HERE = "127.0.0.1"
BEYOND = "127.0.0.2"
"""An address of this machine at which nobody listens in these tests."""

SILENCE: Literal["silence"] = "silence"
"""Nothing is said until `break_silence` is called; then the next answer comes."""

Answer = Sequence[str] | OSError | Literal["silence"]
Answers = tuple[Answer, ...]

UNKNOWN = socket.gaierror(socket.EAI_NONAME, "Name or service not known")
NOT_NOW = socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution")
NO_ADDRESS = socket.gaierror(socket.EAI_NODATA, "No address associated with hostname")


class Names:
    """What is known of names. Each lookup takes the next of the name's answers; the last one is given again."""

    def __init__(self, answers: dict[str, Answers]) -> None:
        self.asked: list[str] = []
        self._answers = dict(answers)
        self._lock = Lock()
        self._silence = Event()
        self._comes = Semaphore(0)

    def __call__(self, host: str, port: int) -> Sequence[Address]:
        """A `Resolver`."""
        with self._lock:
            self.asked.append(host)
            silence = self._silence
        self._comes.release()
        answer = self._next(host)
        if answer == SILENCE:
            silence.wait()
            answer = self._next(host)
        if isinstance(answer, OSError):
            raise type(answer)(*answer.args)
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port)) for address in answer]

    def set(self, host: str, *answers: Answer) -> None:
        """From now on these are the answers for `host`."""
        with self._lock:
            self._answers[host] = answers

    def break_silence(self) -> None:
        """Lookups that wait are answered; later ones may be silent again."""
        with self._lock:
            self._silence.set()
            self._silence = Event()

    async def came(self, lookups: int) -> None:
        """Waits until so many more lookups have come."""
        for _ in range(lookups):
            await asyncio.get_running_loop().run_in_executor(None, self._comes.acquire)

    def _next(self, host: str) -> Answer:
        with self._lock:
            first, *rest = self._answers.get(host, (UNKNOWN,))
            if rest:
                self._answers[host] = tuple(rest)
            return first
