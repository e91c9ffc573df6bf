"""OpenAI's Responses, with answers that callers may refer to."""

from collections.abc import Awaitable

from dragoman.client import Client
from dragoman.config import FrontConfig
from dragoman.engine.answer import Answer, Handler
from dragoman.gateway.fronts.endpoints import ChatEndpoint, FrontCaller, is_clean, of_call
from dragoman.gateway.fronts.openai_responses.earlier import Earlier, followed, led_by, previous
from dragoman.gateway.fronts.openai_responses.keeping import Keeping
from dragoman.gateway.fronts.openai_responses.kept_answers import CANCEL, ITEMS, KeptEndpoint
from dragoman.gateway.fronts.openai_responses.socket import AT_DEPLOYMENT, SocketEndpoint
from dragoman.gateway.fronts.operations import CountEndpoint
from dragoman.gateway.fronts.table import Front, FrontMaker, Row
from dragoman.gateway.http.response_writer import ResponseWriter
from dragoman.gateway.kept_turns import KeptTurns
from dragoman.gateway.remembered import Memory, remembering
from dragoman.protocols.openai_responses import (
    COMPACT,
    NAME,
    OpenAIResponsesServer,
    ResponsesCompactServer,
    ResponsesCountServer,
    ResponsesRelayRequest,
)
from dragoman.protocols.relay import RelayRequest, ReplySummary
from dragoman.routing.attempts import operate, translated
from dragoman.routing.plan import Plan
from dragoman.types import ChatRequest, Identity, Outcome, ServerRequest, TokenCount

AZURE = "/openai/responses"
PATHS = ("/v1/responses", "/openai/v1/responses", AZURE)
"""OpenAI's path, and Azure's two: its earlier versions have none of OpenAI's in the path."""


class ResponsesEndpoint(ChatEndpoint):
    """Answers, and keeps the answers that callers may refer to.

    An answer that was relayed is kept by its service, under the service's own id; here it is noted whose that is.
    """

    def __init__(
        self,
        client: Client,
        codec: OpenAIResponsesServer,
        memory: Memory,
        *,
        clean: bool,
        turns: KeptTurns | None = None,
    ) -> None:
        super().__init__(client, codec, clean=clean, turns=turns)
        self._telling = codec.telling
        self._memory = memory
        self._earlier = Earlier(client, memory)

    async def __call__(self, call: ServerRequest, writer: ResponseWriter) -> None:
        call = await self._earlier.with_items(call, writer.outcome.identity.fingerprint)
        asked = of_call(await self.question(call, writer.outcome.identity), call, writer.outcome)
        handler = self._asking_owner(await self.handler(call, writer, asked.model), writer)
        answering = self.answer(asked, handler, writer)
        del asked, handler
        await answering

    def _asking_owner(self, handler: Handler, writer: ResponseWriter) -> Handler:
        """`handler`, or the service that keeps what a request refers to."""

        async def opened(request: ChatRequest) -> Answer:
            owner = self._earlier.owner(previous(request), writer.outcome.identity.fingerprint)
            if not owner:
                return await handler(request)
            return await translated(self._earlier.plan(request.model, owner), FrontCaller(self, writer))(request)

        return opened

    def read_relayed(self, call: ServerRequest, identity: Identity) -> RelayRequest | None:
        return self._owned(super().read_relayed(call, identity), identity)

    async def read_relayed_large(self, call: ServerRequest, identity: Identity) -> RelayRequest | None:
        return self._owned(await super().read_relayed_large(call, identity), identity)

    def _owned(self, found: RelayRequest | None, identity: Identity) -> RelayRequest | None:
        """A request as a relay may have it: what it refers to is at one service, or else must be put into it."""
        if not isinstance(found, ResponsesRelayRequest) or not isinstance(found.previous, str):
            return found
        owner = self._earlier.owner(found.previous, identity.fingerprint)
        return found.owned(owner) if owner else None

    def plan(self, request: RelayRequest) -> Plan:
        return self._earlier.plan(request.model, request.owner if isinstance(request, ResponsesRelayRequest) else "")

    def begins(self, request: RelayRequest, summary: ReplySummary, outcome: Outcome) -> None:
        if summary.answer_id and isinstance(request, ResponsesRelayRequest) and request.kept:
            self._memory.owners.note(outcome.identity.fingerprint, summary.answer_id, outcome.target)

    def answer(self, request: ChatRequest, handler: Handler, writer: ResponseWriter) -> Awaitable[None]:
        owner, own = writer.outcome.identity.fingerprint, request
        earlier = self._earlier.found(own, owner)
        request = followed(own, earlier)
        if request.store is False:
            beside = led_by(own)
            told = remembering(handler, {NAME: beside}) if beside else handler
            return super().answer(request, told, writer)
        if previous(request) is not None:
            # The service has what came before, and so it is the service that keeps the answer.
            return super().answer(request, self._memory.owners.noting(handler, owner), writer)
        keeping = Keeping(handler, self._memory, owner, own, earlier)
        return self.encoded(request, keeping, writer, self._telling(keeping.keep, keeping.id))


class ResponsesCountEndpoint(CountEndpoint):
    """Answers with a count of tokens, with those of what a request refers to."""

    def __init__(self, client: Client, memory: Memory) -> None:
        super().__init__(client, ResponsesCountServer())
        self._earlier = Earlier(client, memory)

    async def __call__(self, call: ServerRequest, writer: ResponseWriter) -> None:
        await super().__call__(await self._earlier.with_items(call, writer.outcome.identity.fingerprint), writer)

    async def count(self, request: ChatRequest, outcome: Outcome) -> TokenCount:
        asks = outcome.identity.fingerprint
        request = followed(request, self._earlier.found(request, asks))
        plan = self._earlier.plan(request.model, self._earlier.owner(previous(request), asks))
        told = outcome.answered_by
        return await operate(plan, request.model, lambda found: found.count_tokens(request), told, apart=True)


def openai_responses(client: Client, memory: Memory, turns: KeptTurns | None) -> tuple[Front, ...]:
    """The fronts of `/v1/responses` and of Azure's paths, with the same endpoints."""
    codec = OpenAIResponsesServer()
    clean = is_clean(client, FrontConfig(), "clean")
    create = ResponsesEndpoint(client, codec, memory, clean=clean, turns=turns)
    compact = ResponsesEndpoint(client, ResponsesCompactServer(), memory, clean=clean)
    count = ResponsesCountEndpoint(client, memory)

    def front(path: str) -> Front:
        kept, socket = KeptEndpoint(client, memory, prefix=path, clean=clean), SocketEndpoint(client, codec, path)
        rows = (
            Row("POST", path, create),
            Row("GET", path, socket),
            Row("POST", f"{path}{COMPACT}", compact),
            Row("POST", f"{path}/input_tokens", count),
            Row("GET", f"{path}/{{id}}/{ITEMS}", kept),
            Row("POST", f"{path}/{{id}}/{CANCEL}", kept),
            Row("GET", f"{path}/{{id}}", kept),
            Row("DELETE", f"{path}/{{id}}", kept),
            *((Row("GET", AT_DEPLOYMENT, socket),) if path == AZURE else ()),
        )
        return Front(codec, rows, prefix=path, json=True)

    return tuple(map(front, PATHS))


OPENAI_RESPONSES = FrontMaker(lambda context: openai_responses(context.client, context.memory, context.turns))
