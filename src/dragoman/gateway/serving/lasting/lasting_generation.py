"""Generations whose answers may outlive their callers: `gateway.on_disconnect = "drain"`, `gateway.resume`.

Any other generation knows nothing of this, so that it costs nothing there.
"""

import asyncio

from dragoman.errors import DragomanError
from dragoman.gateway.app import Admitted, Gateway
from dragoman.gateway.fronts.endpoints import ChatEndpoint
from dragoman.gateway.fronts.openai_responses.kept_answers import KeptEndpoint
from dragoman.gateway.http.direct_writer import DirectWriter
from dragoman.gateway.http.response_writer import ResponseWriter
from dragoman.gateway.serving.generation import Doorkeeper, Generation
from dragoman.gateway.serving.lasting.asked import PassedRequest
from dragoman.gateway.serving.lasting.colleagues import Colleagues
from dragoman.gateway.serving.lasting.lasting_answers import LastingAnswers, gone, lost_event, may_outlive
from dragoman.loop.outbox import Outbox
from dragoman.types import ServerRequest


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
    if not may_outlive(settings):
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
        self.postpone = self._postpone

    def serve(self, admitted: Admitted, call: ServerRequest, writer: DirectWriter) -> None:
        try:
            way = () if self._colleagues is None else self._way(self._colleagues, admitted, call, writer)
            if way:
                # Soon, not now: only after the whole read it is known whether another request follows this one.
                self._loop.call_soon(self._hand_over, way, admitted, call, writer)
                return
            found = self.lasting.begin(self.gateway, admitted, call, writer)
        except DragomanError as exc:
            writer.send_nowait(self.gateway.refusal(call, exc, writer.outcome))
        else:
            if found is not None:
                super().serve(admitted, call, found)

    def drain(self) -> None:
        super().drain()
        self.lasting.close()

    def _release(self, writer: ResponseWriter) -> None:
        if not self.lasting.caller_released(writer):
            self.gateway.release(writer)

    def _postpone(self, writer: ResponseWriter) -> None:
        if not self.lasting.serves(writer):  # else the answer's own writer is under way as long
            self.gateway.postpone(writer)

    # Other workers.

    def _way(
        self, colleagues: Colleagues, admitted: Admitted, call: ServerRequest, writer: DirectWriter
    ) -> tuple[int, ...]:
        """The way to the worker that holds, or may hold, the stream that `call` wants; empty if this one answers."""
        if self.lasting.resume > 0 or isinstance(call, PassedRequest):
            match admitted.endpoint:
                case ChatEndpoint(codec=codec) if not isinstance(call, PassedRequest):
                    said = lost_event(codec, call)
                    return () if said is None else colleagues.holder(said)
                case KeptEndpoint() as kept:
                    wanted = kept.streamed(call)
                    if wanted is not None and not self.lasting.holds(wanted[0], writer):
                        return colleagues.round(call)
        return ()

    def _hand_over(self, way: tuple[int, ...], admitted: Admitted, call: ServerRequest, writer: DirectWriter) -> None:
        if self._colleagues is None or writer.disconnected:
            return
        try:
            if self._colleagues.pass_on(way, call, writer):
                self.gateway.gate.leave(writer)  # the other worker tells what becomes of it
                return
            if isinstance(admitted.endpoint, ChatEndpoint):
                raise gone(lost_event(admitted.endpoint.codec, call) or "")
        except DragomanError as exc:
            writer.send_nowait(self.gateway.refusal(call, exc, writer.outcome))
        else:
            super().serve(admitted, call, writer)
