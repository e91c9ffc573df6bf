"""Takes the callers that other workers pass on, as if they had been accepted here. Knows no stream."""

import asyncio
from collections.abc import Callable

from dragoman.gateway.app import Admitted
from dragoman.gateway.http.connection import ServerConnection
from dragoman.gateway.http.request import Request
from dragoman.gateway.serving.generation import Generation
from dragoman.gateway.serving.lasting.asked import PassedRequest
from dragoman.gateway.serving.lasting.colleagues import Colleagues, PassedCaller
from dragoman.gateway.serving.lasting.lasting_answers import gone
from dragoman.gateway.serving.lasting.lasting_generation import LastingGeneration


class PassedConnection(ServerConnection[Admitted]):
    """A connection whose first request another worker has read."""

    def __init__(self, generation: Generation, request: PassedRequest) -> None:
        super().__init__(generation, generation.shared)
        self._first: PassedRequest | None = request
        self._resumes = isinstance(generation, LastingGeneration)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        # Now, because what comes on the connection next follows this request.
        call, self._first = self._first, None
        if call is not None and self._resumes:
            self.begin(Request(call=call, http_1_1=call.http_1_1, keep_alive=call.keep_alive))
        elif self._is_reading():
            self.turn_away(gone(""))  # a reload has just ended resuming here


class Reception:
    """Takes the callers from this worker's mailbox. `current`: the generation that answers."""

    def __init__(self, colleagues: Colleagues, current: Callable[[], Generation]) -> None:
        self._colleagues = colleagues
        self._current = current
        self._loop = asyncio.get_running_loop()
        self._tasks: set[asyncio.Task[None]] = set()
        self._left = False
        """From now on callers that come all the same are hung up on."""

    def open(self) -> None:
        """Starts to take callers."""
        self._loop.add_reader(self._colleagues.mailbox, self._read)

    async def leave(self) -> None:
        """No more of them are wanted. All that have come are answered, or being answered, when it returns."""
        self._colleagues.leave()
        while self._read():
            continue
        self._left = True
        await self._taken()

    async def aclose(self) -> None:
        """Ends it. Until now it has hung up on callers that were passed on all the same."""
        self._loop.remove_reader(self._colleagues.mailbox)
        self._colleagues.close()
        await self._taken()

    async def _taken(self) -> None:
        if self._tasks:
            await asyncio.wait(self._tasks)

    def _read(self) -> bool:
        """Whether a caller has come."""
        found = list(self._colleagues.callers())
        for caller in found:
            if self._left:
                caller.socket.close()
                continue
            task = self._loop.create_task(self._take(caller))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        return bool(found)

    async def _take(self, caller: PassedCaller) -> None:
        try:
            await self._loop.connect_accepted_socket(
                lambda: PassedConnection(self._current(), caller.request), caller.socket
            )
        except OSError:  # it has hung up meanwhile
            caller.socket.close()
