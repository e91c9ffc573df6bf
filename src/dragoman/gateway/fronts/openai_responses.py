"""OpenAI's Responses, with answers that callers may refer to."""

from typing import Any

import msgspec
from msgspec import Struct

from dragoman.client import Client
from dragoman.config import FrontConfig
from dragoman.engine.answer import Handler
from dragoman.engine.env import system_env
from dragoman.errors import InvalidRequestError, RequestError, cut
from dragoman.gateway.fronts.endpoints import ChatEndpoint, Endpoint, is_clean
from dragoman.gateway.fronts.operations import CountEndpoint
from dragoman.gateway.fronts.table import Front, FrontMaker, Row
from dragoman.gateway.http.response_writer import ResponseWriter
from dragoman.gateway.kept_turns import KeptTurns
from dragoman.gateway.remembered import Memory, Remembered, conversation, following, remembering
from dragoman.protocols.openai_responses import NAME, OpenAIResponsesServer, ResponsesCountServer, input_items
from dragoman.protocols.relay import RelayRequest
from dragoman.types import ChatRequest, ChatResponse, Headers, Identity, ServerRequest, ServerResponse
from dragoman.wire import json

RESPONSES = "/v1/responses"
COUNT = f"{RESPONSES}/input_tokens"
ITEMS = "/input_items"

PREVIOUS = "previous_response_id"
"""The field of a request that refers to an earlier answer."""

JSON: Headers = (("content-type", "application/json"),)


class _Reference(Struct):
    previous_response_id: Any = None


_reference = msgspec.json.Decoder(_Reference).decode


class ResponsesEndpoint(ChatEndpoint):
    """Answers, and keeps the answers that callers may refer to.

    An answer that was relayed is kept by its service, under the service's own id. An id that is not ours is passed to a
    service that has the protocol, if no other target could be asked: else nobody knows whose it is, and it is refused.
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
        self._memory = memory

    def read_relayed(self, call: ServerRequest, identity: Identity) -> RelayRequest | None:
        found = super().read_relayed(call, identity)
        if found is None or PREVIOUS.encode() not in call.body:
            return found
        try:
            name = _reference(call.body).previous_response_id
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            return None
        if not isinstance(name, str):
            return found
        ours = self._memory.find(identity.fingerprint, name) is not None
        return None if ours or not self.client.plan(found.model).final else found

    async def answer(self, request: ChatRequest, handler: Handler, writer: ResponseWriter) -> None:
        owner = writer.outcome.identity.fingerprint
        request, name = self._followed(request, owner)
        if request.store is False:
            await super().answer(request, handler, writer)
            return
        answer_id = f"resp_{system_env().new_id()}"
        fields = {"store": True} | ({PREVIOUS: name} if name else {})

        def keep(response: ChatResponse) -> None:
            body = msgspec.Raw(self.codec.encode_response(response, request, system_env()).body)
            items = input_items(request, answer_id)
            self._memory.keep(owner, answer_id, Remembered(conversation(request, response), body, items))

        await super().answer(request, remembering(handler, answer_id, {NAME: fields}, keep), writer)

    def _followed(self, request: ChatRequest, owner: str) -> tuple[ChatRequest, str]:
        """The request with all that it refers to, and the id by which it refers to that."""
        name = request.extra.get(NAME, {}).get(PREVIOUS)
        if not isinstance(name, str):
            return request, ""
        earlier = self._memory.find(owner, name)
        if earlier is not None:
            return following(request, earlier, NAME, PREVIOUS), name
        if not self.client.plan(request.model).final:
            raise _unknown(name, PREVIOUS)
        return request, ""


class KeptEndpoint(Endpoint):
    """Gives back a kept answer, or what led to it, or forgets it."""

    def __init__(self, memory: Memory) -> None:
        self._memory = memory

    async def __call__(self, call: ServerRequest, writer: ResponseWriter) -> None:
        owner = writer.outcome.identity.fingerprint
        name = call.path.removeprefix(f"{RESPONSES}/")
        if call.method == "DELETE":
            if not self._memory.forget(owner, name):
                raise _missing(name)
            await writer.send(_ok({"id": name, "object": "response", "deleted": True}))
            return
        of_items = name.endswith(ITEMS)
        found = self._memory.find(owner, name.removesuffix(ITEMS))
        if found is None:
            raise _missing(name.removesuffix(ITEMS))
        await writer.send(_ok(_listed(found.items) if of_items else found.body))


def _listed(items: list[dict[str, Any]]) -> dict[str, Any]:
    first, last = (items[0]["id"], items[-1]["id"]) if items else (None, None)
    return {"object": "list", "data": items, "first_id": first, "last_id": last, "has_more": False}


def _ok(value: Any) -> ServerResponse:
    return ServerResponse(headers=JSON, body=json.encode(value))


def _unknown(name: str, field: str) -> RequestError:
    return InvalidRequestError(
        f"{field}: there is no response {cut(name, 80)!r} of this caller here, and several services could have it",
        code="previous_response_not_found",
        param=field,
    )


def _missing(name: str) -> RequestError:
    message = f"there is no response {cut(name, 80)!r} of this caller here; one that was relayed is kept by its service"
    return RequestError(message, status=404, code="response_not_found")


def openai_responses(client: Client, memory: Memory, turns: KeptTurns | None) -> Front:
    """The front of `/v1/responses`."""
    codec = OpenAIResponsesServer()
    clean = is_clean(client, FrontConfig(), "clean")
    kept = KeptEndpoint(memory)
    rows = (
        Row("POST", RESPONSES, ResponsesEndpoint(client, codec, memory, clean=clean, turns=turns)),
        Row("POST", COUNT, CountEndpoint(client, ResponsesCountServer())),
        Row("GET", f"{RESPONSES}/{{id}}{ITEMS}", kept),
        Row("GET", f"{RESPONSES}/{{id}}", kept),
        Row("DELETE", f"{RESPONSES}/{{id}}", kept),
    )
    return Front(codec, rows, prefix=RESPONSES, json=True)


OPENAI_RESPONSES = FrontMaker(lambda context: (openai_responses(context.client, context.memory, context.turns),))
