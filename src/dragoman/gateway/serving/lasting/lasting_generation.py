"""Generations whose answers may outlive their callers: `gateway.on_disconnect = "drain"`, `gateway.resume`.

Any other generation knows nothing of this, so that it costs nothing there.
"""

import asyncio

from dragoman.errors import DragomanError
from dragoman.gateway.app import Admitted, Gateway
from dragoman.gateway.fronts.endpoints import ChatEndpoint
from dragoman.gateway.fronts.kept_answers import KeptEndpoint
from dragoman.gateway.http.direct_writer import DirectWriter
from dragoman.gateway.http.response_writer import ResponseWriter
from dragoman.gateway.serving.generation import Doorkeeper, Generation
from dragoman.gateway.serving.lasting.lasting_answers import LastingAnswers
from dragoman.loop.outbox import Outbox
from dragoman.protocols.base import EventIdForm
from dragoman.types import ServerRequest

LAST_EVENT_ID = b"last-event-id"
"""https://html.spec.whatwg.org/multipage/server-sent-events.html#the-last-event-id-header"""


def generation_for(
    gateway: Gateway, doorkeeper: Doorkeeper, outbox: Outbox, earlier: Generation | None = None
) -> Generation:
    """The generation that the settings of `gateway` need; `earlier`: the one whose place it takes."""
    settings = gateway.client.config.gateway
    if settings.resume <= 0 and settings.on_disconnect != "drain":
        return Generation(gateway, doorkeeper, outbox)
    if isinstance(earlier, LastingGeneration):
        lasting = earlier.lasting
        lasting.adopt(settings)
    else:
        lasting = LastingAnswers(settings, asyncio.get_running_loop())
    return LastingGeneration(gateway, doorkeeper, outbox, lasting)


class LastingGeneration(Generation):
    """Answers chats with writers of `lasting`, and gives streams back to callers that have lost them."""

    def __init__(self, gateway: Gateway, doorkeeper: Doorkeeper, outbox: Outbox, lasting: LastingAnswers) -> None:
        super().__init__(gateway, doorkeeper, outbox)
        self.lasting = lasting
        """Those of earlier generations are among them."""
        self.release = self._release
        self.postpone = self._postpone

    def serve(self, admitted: Admitted, call: ServerRequest, writer: DirectWriter) -> None:
        endpoint = admitted.endpoint
        try:
            if isinstance(endpoint, ChatEndpoint):
                said = None if endpoint.codec.event_ids is EventIdForm.NONE else call.header(LAST_EVENT_ID)
                if said is not None and self.lasting.resume > 0:
                    self.lasting.resumed(said, call, writer)
                    return
                writer = self.lasting.open(self.gateway, endpoint.codec, call, writer)
            elif isinstance(endpoint, KeptEndpoint):
                wanted = endpoint.streamed(call)
                if wanted is not None and self.lasting.retrieved(*wanted, writer):
                    return
        except DragomanError as exc:
            writer.outcome.error = exc.code
            writer.send_nowait(self.gateway.refusal(call, exc, writer.outcome))
            return
        super().serve(admitted, call, writer)

    def drain(self) -> None:
        super().drain()
        self.lasting.close()

    def _release(self, writer: ResponseWriter) -> None:
        if not self.lasting.parts(writer):
            self.gateway.release(writer)

    def _postpone(self, writer: ResponseWriter) -> None:
        if not self.lasting.serves(writer):  # else the answer's own writer is under way as long
            self.gateway.postpone(writer)
