"""Which requests are relayed, and the beginning of each; all others are decoded. Knows no attempt."""

import asyncio

from dragoman.errors import DragomanError
from dragoman.gateway.app import Admitted, Gateway
from dragoman.gateway.fronts.endpoints import LARGE, ChatEndpoint
from dragoman.gateway.http.direct_writer import DirectWriter
from dragoman.gateway.serving.relayed_answer import RelayContext, RelayedAnswer, Spawn
from dragoman.gateway.serving.relayed_heads import stream_head
from dragoman.loop.turns import in_turns
from dragoman.protocols.relay import RelayRequest
from dragoman.routing.plan import Course, RequestInfo, Single
from dragoman.types import ServerRequest
from dragoman.wire.steps import done


class Relays:
    """Begins the relays of one server."""

    def __init__(self, gateway: Gateway, spawn: Spawn) -> None:
        self._context = RelayContext(gateway, spawn, asyncio.get_running_loop())

    def begin(self, admitted: Admitted, call: ServerRequest, writer: DirectWriter) -> bool:
        """Begins to answer `call`; False if no target can be relayed to, or if the request is wrong.

        Then nothing has happened: the request must be decoded, and answered or refused.
        """
        chat = admitted.endpoint
        if not isinstance(chat, ChatEndpoint):
            return False
        try:
            request = chat.read_relayed(call, writer.outcome.identity)
        except DragomanError:
            return False
        return request is not None and self._begin(chat, request, admitted, call, writer)

    async def begin_large(self, admitted: Admitted, call: ServerRequest, writer: DirectWriter) -> bool:
        """The same for a large body, which is read in several turns of the loop. Raises what ends it meanwhile."""
        chat = admitted.endpoint
        if not isinstance(chat, ChatEndpoint):
            return False
        self._context.gateway.hold(writer, call)
        identity, conversation = writer.outcome.identity, None
        async with writer:
            try:
                request = await chat.read_relayed_large(call, identity)
                if request is not None and chat.plan(request).sticky:
                    conversation = await in_turns(chat.conversation(call, identity, request.model))
            except DragomanError:
                return False
        return request is not None and self._begin(chat, request, admitted, call, writer, conversation=conversation)

    def _begin(
        self,
        chat: ChatEndpoint,
        request: RelayRequest,
        admitted: Admitted,
        call: ServerRequest,
        writer: DirectWriter,
        *,
        conversation: bytes | None = None,
    ) -> bool:
        codec, outcome = chat.codec, writer.outcome
        protocol = codec.relay_name or codec.name
        try:
            plan = chat.plan(request)
            if plan.policies:
                return False
            one = first = plan.targets[0].relay(protocol, request)
            if one is None:
                one = next(filter(None, (each.relay(protocol, request) for each in plan.targets)), None)
                if one is None:
                    return False
            if plan.sticky and len(call.body) <= LARGE:
                conversation = done(chat.conversation(call, outcome.identity, request.model))
            course: Course
            if type(plan) is Single:
                course = plan  # as its `begin` says, which need not know the request
            else:
                info = RequestInfo(request.model, protocol, request.stream, conversation)
                course = plan.begin(info, self._context.loop.time())
        except DragomanError:
            return False
        outcome.front, outcome.model = codec.name, request.model or chat.client.default_model
        self._context.gateway.hold(writer, call)
        if request.stream:
            # After a long silence the head and a heartbeat are sent, in both ways.
            early = codec.first_heartbeat(call)
            writer.heartbeat = one.codec.heartbeat if early is None else early
            writer.opening = stream_head(one.codec).opening
            outcome.stream = True
        answer = RelayedAnswer(self._context, admitted, call, writer, chat, course, request, plan.final)
        answer.attempt(first if course.target is plan.targets[0] else None)
        return True
