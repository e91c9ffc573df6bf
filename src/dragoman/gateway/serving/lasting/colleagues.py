"""The workers of one parent, as each of them sees the others: callers' connections go from one to another.

A stream is in the memory of the worker that has begun it, but the kernel chooses the worker that gets the connection on
which its caller comes back. So that worker passes the connection on, with the request that it has read:

    caller ── POST, Last-Event-ID ──> worker X ── socket, PassedRequest ──> mailbox of worker Y
    caller <────────────────────────────── the rest of the stream ───────── worker Y

From then on the connection is Y's, with all that follows on it; X has closed its copy and knows nothing more of it. Y
checks the key and the limits as if it had accepted the caller itself.

A mailbox is a pair of sockets without any address: only this parent and what it has forked can write to it. The parent
keeps all, so that a worker that takes another's place finds what was sent to that one, and refuses it by itself. The
kernel bounds what waits: a mailbox takes some 200 callers or more, until its worker's loop turns again.
"""

import errno
import os
import socket
import sys
from collections.abc import Iterator
from itertools import chain
from typing import Self

from msgspec import DecodeError, Struct, msgpack

from dragoman.errors import OverloadedError
from dragoman.gateway.http.caller_handle import CallerHandle
from dragoman.gateway.http.direct_writer import DirectWriter
from dragoman.gateway.overload import SOON
from dragoman.gateway.serving.lasting.asked import PassedRequest, passed
from dragoman.gateway.serving.lasting.roster import Roster
from dragoman.types import ServerRequest

LARGEST = 128 << 10
"""Bytes of a message: a head of `gateway.max_head` (64 KiB), and what the kernel puts into one datagram (208 KiB)."""

WAITING = 1 << 20
"""Bytes that a mailbox should take. Linux caps it at net.core.wmem_max, which is 208 KiB as a rule: that is enough for
some 200 callers, and all of these for some 900."""

AT_ONCE = 64
"""Callers that are taken in one turn of the loop."""

FULL = frozenset({errno.EAGAIN, errno.ENOBUFS, errno.ETOOMANYREFS, errno.EMFILE, errno.ENFILE})
"""Why a mailbox takes nothing more for now."""

CLOSES_ON_EXEC = socket.MSG_CMSG_CLOEXEC if sys.platform == "linux" else 0
"""A descriptor that comes is not for the processes that a worker starts."""

DECODER = msgpack.Decoder(PassedRequest)


class Mailboxes(Struct, frozen=True):
    """A mailbox for each worker, by its place, and who is there. To be made before the first of them is forked."""

    roster: Roster
    ends: tuple[socket.socket, ...]
    """Where each worker reads."""
    slots: tuple[socket.socket, ...]
    """Where the others write."""

    @classmethod
    def new(cls, workers: int) -> Self:
        """For so many workers."""
        pairs = [socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM) for _ in range(workers)]
        for each in chain.from_iterable(pairs):
            each.setblocking(False)
        for _, slot in pairs:
            slot.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, WAITING)
        return cls(Roster(workers), tuple(end for end, _ in pairs), tuple(slot for _, slot in pairs))

    def close(self) -> None:
        """Closes this process's copies."""
        for each in (*self.ends, *self.slots):
            each.close()


class PassedCaller(Struct, frozen=True):
    """A caller that another worker has accepted."""

    socket: socket.socket
    request: PassedRequest


class Colleagues:
    """The other workers, as the one at `place` sees them. To be made in its own process."""

    def __init__(self, mailboxes: Mailboxes, place: int) -> None:
        self._roster = mailboxes.roster
        self._place = place
        self._slots = mailboxes.slots
        self.mailbox = mailboxes.ends[place]
        """Where callers come from."""
        for other, end in enumerate(mailboxes.ends):
            if other != place:
                end.close()
        self.tag = self._roster.enter(place)
        """What the names of this worker's streams begin with."""

    def leave(self) -> None:
        """From now on nobody passes a caller on to this worker."""
        self._roster.leave(self._place)

    def close(self) -> None:
        """From now on it passes nobody on either."""
        for each in (self.mailbox, *self._slots):
            each.close()

    def holder(self, name: str) -> tuple[int, ...]:
        """The way to the other worker that holds the stream `name`; empty if there is none."""
        place = self._roster.find(name)
        return () if place is None or place == self._place else (place,)

    def round(self, call: ServerRequest) -> tuple[int, ...]:
        """The way to all who have not seen `call` yet, and back to the worker that has accepted its caller.

        Empty if all have seen it.
        """
        if isinstance(call, PassedRequest):
            return tuple(place for place in call.rest if place in self._roster.present())
        others = tuple(place for place in self._roster.present() if place != self._place)
        return (*others, self._place) if others else ()

    def pass_on(self, way: tuple[int, ...], call: ServerRequest, writer: DirectWriter) -> bool:
        """Gives the caller of `writer` to the first worker of the `way`. False if that cannot be.

        Raises OverloadedError if that worker has too many to take.
        """
        place, *rest = way

        def give(caller: CallerHandle) -> bool:
            request = passed(call, tuple(rest), http_1_1=caller.http_1_1, keep_alive=caller.keep_alive)
            return self._send(place, msgpack.encode(request), caller.descriptor)

        return writer.hand_over(give)

    def _send(self, place: int, message: bytes, descriptor: int) -> bool:
        if len(message) > LARGEST:
            return False
        try:
            socket.send_fds(self._slots[place], [message], [descriptor])
        except OSError as exc:
            if exc.errno not in FULL:
                return False  # nobody will ever read there
            words = "too many callers come back at once; try again soon, with the same last-event-id"
            raise OverloadedError(words, provider="dragoman", retry_after=SOON) from exc
        return True

    def callers(self) -> Iterator[PassedCaller]:
        """Those that have come, AT_ONCE at most."""
        for _ in range(AT_ONCE):
            try:
                message, descriptors, _, _ = socket.recv_fds(self.mailbox, LARGEST, 1, CLOSES_ON_EXEC)
            except BlockingIOError:
                return
            if not descriptors:
                continue  # this process has no descriptor left: the kernel has closed the connection
            os.set_inheritable(descriptors[0], False)
            connected = socket.socket(fileno=descriptors[0])
            try:
                yield PassedCaller(connected, DECODER.decode(message))
            except DecodeError:
                connected.close()
