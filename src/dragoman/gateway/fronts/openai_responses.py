"""OpenAI's Responses, with answers that callers may refer to."""

import asyncio
from collections.abc import Awaitable
from typing import Any

from msgspec.structs import replace

from dragoman.client import Client
from dragoman.config import FrontConfig
from dragoman.engine.answer import Answer, Handler
from dragoman.engine.beside import is_long
from dragoman.engine.env import system_env
from dragoman.errors import InvalidRequestError, cut
from dragoman.gateway.fronts.endpoints import ChatEndpoint, FrontCaller, decoded, is_clean, of_call
from dragoman.gateway.fronts.kept_answers import CANCEL, ITEMS, KeptEndpoint
from dragoman.gateway.fronts.operations import CountEndpoint
from dragoman.gateway.fronts.responses_socket import SocketEndpoint
from dragoman.gateway.fronts.table import Front, FrontMaker, Row
from dragoman.gateway.http.response_writer import ResponseWriter
from dragoman.gateway.kept_turns import KeptTurns
from dragoman.gateway.remembered import Brought, Memory, Remembered, Remembering, following, remembering, said, written
from dragoman.loop.turns import others
from dragoman.protocols.compaction import summary_in, summary_message
from dragoman.protocols.openai_responses import (
    COMPACT,
    NAME,
    PREVIOUS,
    OpenAIResponsesServer,
    ResponsesCompactServer,
    ResponsesCountServer,
    ResponsesRelayRequest,
    input_items,
)
from dragoman.protocols.openai_responses.item_ids import ANSWER
from dragoman.protocols.openai_responses.outputs import ItemWriter
from dragoman.protocols.openai_responses.references import answers_in, items_of, with_items
from dragoman.protocols.openai_responses.request import silent_in
from dragoman.protocols.relay import RelayRequest, ReplySummary
from dragoman.protocols.tools.search import all_found
from dragoman.routing.attempts import operate, translated
from dragoman.routing.only import only
from dragoman.routing.plan import Plan
from dragoman.types import (
    ChatRequest,
    ChatResponse,
    Identity,
    Message,
    Outcome,
    ServerRequest,
    TokenCount,
    ToolCall,
    ToolResult,
)

STORED = {NAME: {"store": True}}
"""The field of an answer that is kept."""
RESPONSES = "/v1/responses"
COUNT = f"{RESPONSES}/input_tokens"


class Earlier:
    """The answers that a request may refer to: those that are kept here, and those that a service keeps.

    What is kept here is put into the request, and no service sees our id. What a service keeps can be referred to at
    that service only. For all other ids nobody knows whose they are: they are refused.
    """

    def __init__(self, client: Client, memory: Memory) -> None:
        self._client = client
        self._memory = memory

    def owner(self, name: object, caller: str) -> str:
        """The target that keeps the answer `name`; empty if none is known."""
        return self._memory.owners.find(caller, name) if isinstance(name, str) else ""

    def found(self, request: ChatRequest, caller: str) -> Remembered | None:
        """What is kept here of what `request` refers to; None if it refers to nothing, or a service keeps that.

        Raises InvalidRequestError if nobody has it, or it is not what the request goes on from.
        """
        name = previous(request)
        if name is None or self.owner(name, caller):
            return None
        found = self._memory.find(caller, name)
        if found is None:
            message = f"{PREVIOUS}: there is no response {cut(name, 80)!r} of this caller here"
            raise InvalidRequestError(message, code="previous_response_not_found", param=PREVIOUS)
        if not found.messages:
            message = f"{PREVIOUS}: the response {cut(name, 80)!r} broke off, and nothing can follow it"
            raise InvalidRequestError(message, code="previous_response_failed", param=PREVIOUS)
        check_called(request, found)
        return found

    async def with_items(self, call: ServerRequest, caller: str) -> ServerRequest:
        """`call` with the items of answers that are kept here, in place of what refers to them by their ids.

        Other ids stay: a service may know them. Raises RequestError.
        """
        named = answers_in(call.body)
        if not named:
            return call
        items: dict[str, Any] = {}
        for name in named:
            items |= items_of(self._memory.body(caller, name))
            await others()
        return await decoded(call, lambda call: replace(call, body=with_items(call.body, items)))

    def plan(self, model: str, owner: str) -> Plan:
        """How a request for `model` is answered that refers to an answer of `owner`. Raises RequestError."""
        plan = self._client.plan(model)
        found = only(plan, owner) if owner else plan
        if found is None:
            service = owner.partition("/")[0]
            message = f"{PREVIOUS}: the service {service!r} keeps this response, and is no target of {model!r}"
            raise InvalidRequestError(message, code="previous_response_elsewhere", param=PREVIOUS)
        return found


def previous(request: ChatRequest) -> str | None:
    """The id of the answer that a request refers to."""
    name = request.extra.get(NAME, {}).get(PREVIOUS)
    return name if isinstance(name, str) else None


def led_by(request: ChatRequest) -> dict[str, Any]:
    """The field of an answer that says what its request refers to."""
    name = previous(request)
    return {PREVIOUS: name} if name else {}


def followed(request: ChatRequest, earlier: Remembered | None) -> ChatRequest:
    """`request` with all that led to what it refers to."""
    if earlier is None:
        return request
    silent = (*request.silent, *silent_in(earlier.messages))
    return replace(following(request, earlier, NAME, PREVIOUS), silent=silent)


def check_called(request: ChatRequest, earlier: Remembered) -> None:
    """Raises InvalidRequestError if `request` has the result of a call that nobody has made."""
    called = {part.id for message in earlier.messages for part in message.parts if isinstance(part, ToolCall)}
    for part in (part for message in said(request) for part in message.parts):
        if isinstance(part, ToolCall):
            called.add(part.id)
        elif isinstance(part, ToolResult) and part.id not in called:
            raise InvalidRequestError(f"input: no call before it has the id {cut(part.id, 70)!r}", param="input")


def brought(own: ChatRequest, earlier: Remembered | None, answer_id: str) -> Brought:
    """What a request brings; `own`: as its caller sent it.

    Of a conversation that is compacted, nothing but its summary will be gone on from.
    """
    items = written(input_items(own, answer_id, () if earlier is None else listed(earlier)))
    if own.compact:
        return Brought(b"", items, b"")
    request = followed(own, earlier)
    return Brought(written(said(request)), items, written(all_found(request.tools)))


def listed(earlier: Remembered) -> list[dict[str, Any]]:
    """The items of an answer and of what led to it, as its caller has them."""
    body = earlier.body if isinstance(earlier.body, dict) else {}
    output = body.get("output") or []
    return [*(earlier.items or []), *output]


def added(writer: ItemWriter, response: ChatResponse, *, compact: bool) -> tuple[Message, ...]:
    """What an answer adds to that for later requests to go on from: its turn, or the summary in place of all turns."""
    summaries = [text for part in response.parts if (text := summary_in(part)) is not None]
    if compact and summaries:
        return tuple(map(summary_message, summaries))
    # No service takes a turn without words.
    return (writer.told(response.message),) if response.parts else ()


class Keeping:
    """A handler whose answer gets an id of ours, and is kept with what led to it once it has ended.

    `own`: the request as it came, `earlier`: what it goes on from; the handler is asked with both.
    """

    __slots__ = ("_asked", "_compact", "_led", "_memory", "_owner", "_writer", "id")

    def __init__(
        self, handler: Handler, memory: Memory, owner: str, own: ChatRequest, earlier: Remembered | None
    ) -> None:
        self._memory = memory
        self._owner = owner
        self._asked = [(handler, own, earlier)]
        """What is asked; taken out by the call: an open stream does not need it, and it may be large."""
        self.id = f"{ANSWER}{system_env().new_id()}"
        self._compact = own.compact
        self._led: Brought
        self._writer: ItemWriter

    async def __call__(self, request: ChatRequest) -> Answer:
        handler, own, earlier = self._asked.pop()
        # Of a long conversation before the answer, whose first event should not wait for it.
        led = await asyncio.to_thread(brought, own, earlier, self.id) if is_long(request) else None
        name = led_by(own)
        extra = {NAME: STORED[NAME] | name} if name else STORED
        answer = Remembering(await handler(request), self.id, extra)
        # An open stream holds the bytes that will be kept, and none of the request's values.
        self._led = led or brought(own, earlier, self.id)
        self._writer = ItemWriter(request, system_env())
        return answer

    def keep(self, body: bytes, whole: ChatResponse | None) -> None:
        """Keeps the answer as its caller got it; nothing can go on from it if it is not whole."""
        turns = None if whole is None else written(added(self._writer, whole, compact=self._compact))
        self._memory.keep(self._owner, self.id, self._led, turns, body)


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


def openai_responses(client: Client, memory: Memory, turns: KeptTurns | None) -> Front:
    """The front of `/v1/responses`."""
    codec = OpenAIResponsesServer()
    clean = is_clean(client, FrontConfig(), "clean")
    kept = KeptEndpoint(client, memory, prefix=RESPONSES, clean=clean)
    rows = (
        Row("POST", RESPONSES, ResponsesEndpoint(client, codec, memory, clean=clean, turns=turns)),
        Row("GET", RESPONSES, SocketEndpoint(client, codec)),
        Row("POST", f"{RESPONSES}{COMPACT}", ResponsesEndpoint(client, ResponsesCompactServer(), memory, clean=clean)),
        Row("POST", COUNT, ResponsesCountEndpoint(client, memory)),
        Row("GET", f"{RESPONSES}/{{id}}/{ITEMS}", kept),
        Row("POST", f"{RESPONSES}/{{id}}/{CANCEL}", kept),
        Row("GET", f"{RESPONSES}/{{id}}", kept),
        Row("DELETE", f"{RESPONSES}/{{id}}", kept),
    )
    return Front(codec, rows, prefix=RESPONSES, json=True)


OPENAI_RESPONSES = FrontMaker(lambda context: (openai_responses(context.client, context.memory, context.turns),))
