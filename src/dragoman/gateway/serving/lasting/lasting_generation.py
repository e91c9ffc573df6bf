"""Generations whose answers may outlive their callers: `gateway.on_disconnect = "drain"`, `gateway.resume`.

Any other generation knows nothing of this, so that it costs nothing there.
"""

import asyncio
from collections.abc import Callable
from functools import partial

from dragoman.errors import DragomanError
from dragoman.gateway.app import Admitted, Gateway
from dragoman.gateway.fronts.endpoints import ChatEndpoint
from dragoman.gateway.fronts.kept_answers import KeptEndpoint
from dragoman.gateway.http.direct_writer import DirectWriter
from dragoman.gateway.http.response_writer import ResponseWriter
from dragoman.gateway.serving.generation import Doorkeeper, Generation
from dragoman.gateway.serving.lasting.asked import PassedRequest
from dragoman.gateway.serving.lasting.colleagues import Colleagues
from dragoman.gateway.serving.lasting.lasting_answers import LastingAnswers, gone
from dragoman.loop.outbox import Outbox
from dragoman.protocols.base import EventIdForm
from dragoman.types import ServerRequest

LAST_EVENT_ID = b"last-event-id"
"""https://html.spec.whatwg.org/multipage/server-sent-events.html#the-last-event-id-header"""


def generation_for(
    gateway: Gateway,
    doorkeeper: Doorkeeper,
    outbox: Outbox,
    earlier: Generation | None = None,
    colleagues: Colleagues | None = None,
) -> Generation:
    """The generation that the settings of `gateway` need.

    `earlier`: the one whose place it takes. `colleagues`: the other workers, if there are any.
    """
    settings = gateway.client.config.gateway
    if settings.resume <= 0 and settings.on_disconnect != "drain":
        return Generation(gateway, doorkeeper, outbox)
    if isinstance(earlier, LastingGeneration):
        lasting = earlier.lasting
        lasting.adopt(settings)
    else:
        lasting = LastingAnswers(settings, asyncio.get_running_loop(), "" if colleagues is None else colleagues.tag)
    return LastingGeneration(gateway, doorkeeper, outbox, lasting, colleagues)


class LastingGeneration(Generation):
    """Answers chats with writers of `lasting`, and gives streams back to callers that have lost them.

    Of a stream that another worker holds, the caller goes to that worker.
    """

    def __init__(
        self,
        gateway: Gateway,
        doorkeeper: Doorkeeper,
        outbox: Outbox,
        lasting: LastingAnswers,
        colleagues: Colleagues | None = None,
    ) -> None:
        super().__init__(gateway, doorkeeper, outbox)
        self.lasting = lasting
        """Those of earlier generations are among them."""
        self._colleagues = colleagues
        self.release = self._release

    def serve(self, admitted: Admitted, call: ServerRequest, writer: DirectWriter) -> None:
        endpoint, lasting = admitted.endpoint, self.lasting
        try:
            if isinstance(endpoint, ChatEndpoint):
                said = None if endpoint.codec.event_ids is EventIdForm.NONE else call.header(LAST_EVENT_ID)
                if said is not None and (lasting.resume > 0 or isinstance(call, PassedRequest)):
                    if way := self._way_to(said, call):
                        self._hand_over(way, call, writer, lambda: self._refuse(gone(said), call, writer))
                    else:
                        lasting.resumed(said, call, writer)
                    return
                # The writer of the answer counts from now on, as long as that goes on.
                self.gateway.gate.leave(writer)
                writer = lasting.open(self.gateway, endpoint.codec, call, writer)
            elif isinstance(endpoint, KeptEndpoint):
                wanted = endpoint.streamed(call)
                if wanted is not None:
                    if lasting.retrieved(*wanted, writer):
                        return
                    if way := self._way_round(call):
                        self._hand_over(way, call, writer, partial(super().serve, admitted, call, writer))
                        return
        except DragomanError as exc:
            self._refuse(exc, call, writer)
            return
        super().serve(admitted, call, writer)

    def drain(self) -> None:
        super().drain()
        self.lasting.close()

    def _release(self, writer: ResponseWriter) -> None:
        if not self.lasting.parts(writer):
            self.gateway.release(writer)

    def _refuse(self, error: DragomanError, call: ServerRequest, writer: DirectWriter) -> None:
        writer.outcome.error = error.code
        writer.send_nowait(self.gateway.refusal(call, error, writer.outcome))

    # Other workers.

    def _way_to(self, said: str, call: ServerRequest) -> tuple[int, ...]:
        """The way to the worker that holds the stream of the event `said`; empty if this one is to answer."""
        if self._colleagues is None or isinstance(call, PassedRequest):
            return ()
        return self._colleagues.holder(said)

    def _way_round(self, call: ServerRequest) -> tuple[int, ...]:
        """The way to each worker that may hold the answer that `call` names; empty if this one is to answer."""
        if self._colleagues is None or self.lasting.resume <= 0:
            return ()
        return self._colleagues.round(call)

    def _hand_over(
        self, way: tuple[int, ...], call: ServerRequest, writer: DirectWriter, otherwise: Callable[[], None]
    ) -> None:
        # Soon, not now: only after the whole read it is known whether another request follows this one.
        self._loop.call_soon(self._go, way, call, writer, otherwise)

    def _go(
        self, way: tuple[int, ...], call: ServerRequest, writer: DirectWriter, otherwise: Callable[[], None]
    ) -> None:
        if self._colleagues is None or writer.disconnected:
            return
        try:
            if self._colleagues.pass_on(way, call, writer):
                self.gateway.gate.leave(writer)  # the other worker tells what becomes of it
                return
        except DragomanError as exc:
            self._refuse(exc, call, writer)
        else:
            otherwise()
