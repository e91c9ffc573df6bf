"""A server whose answers may outlive their callers: `gateway.on_disconnect = "drain"`, `gateway.resume`.

Any other server knows nothing of this, so that it costs nothing there.
"""

from dragoman.errors import DragomanError
from dragoman.gateway.app import Admitted, Gateway
from dragoman.gateway.fronts.endpoints import ChatEndpoint
from dragoman.gateway.fronts.kept_answers import KeptEndpoint
from dragoman.gateway.http.direct_writer import DirectWriter
from dragoman.gateway.http.response_writer import ResponseWriter
from dragoman.gateway.serving.lasting.lasting_answers import LastingAnswers
from dragoman.gateway.serving.server import Server
from dragoman.protocols.base import EventIdForm
from dragoman.types import ServerRequest

LAST_EVENT_ID = b"last-event-id"
"""https://html.spec.whatwg.org/multipage/server-sent-events.html#the-last-event-id-header"""


def server_for(gateway: Gateway) -> Server:
    """The server that the settings of `gateway` need."""
    settings = gateway.client.config.gateway
    lasting = settings.resume > 0 or settings.on_disconnect == "drain"
    return LastingServer(gateway) if lasting else Server(gateway)


class LastingServer(Server):
    """Answers chats with writers of `LastingAnswers`, and gives streams back to callers that have lost them."""

    def __init__(self, gateway: Gateway) -> None:
        super().__init__(gateway)
        self.lasting = LastingAnswers(gateway.client.config.gateway, self._loop)
        self.release = self._release

    def serve(self, admitted: Admitted, call: ServerRequest, writer: DirectWriter) -> None:
        endpoint = admitted.endpoint
        try:
            if isinstance(endpoint, ChatEndpoint):
                said = None if endpoint.codec.event_ids is EventIdForm.NONE else call.header(LAST_EVENT_ID)
                if said is not None and self.lasting.resume > 0:
                    self.lasting.resumed(said, call, writer)
                    return
                writer = self.lasting.open(self._gateway, endpoint.codec, call, writer)
            elif isinstance(endpoint, KeptEndpoint):
                wanted = endpoint.streamed(call)
                if wanted is not None and self.lasting.retrieved(*wanted, writer):
                    return
        except DragomanError as exc:
            writer.outcome.error = exc.code
            writer.send_nowait(self._gateway.refusal(call, exc, writer.outcome))
            return
        super().serve(admitted, call, writer)

    def _release(self, writer: ResponseWriter) -> None:
        if not self.lasting.parts(writer):
            self._gateway.release(writer)

    async def _drain(self) -> None:
        self.lasting.close()
        await super()._drain()
