"""The answers that a request may refer to: those that are kept here, and those that a service keeps."""

from typing import Any

from msgspec.structs import replace

from dragoman.client import Client
from dragoman.error_words import cut
from dragoman.errors import InvalidRequestError
from dragoman.gateway.fronts.endpoints import decoded
from dragoman.gateway.remembered import Memory, Remembered, following, turns_of
from dragoman.loop.turns import others
from dragoman.protocols.openai_responses import NAME, PREVIOUS
from dragoman.protocols.openai_responses.references import answers_in, items_of, with_items
from dragoman.protocols.openai_responses.request import silent_in
from dragoman.routing.only import only
from dragoman.routing.plan import Plan
from dragoman.types import ChatRequest, ServerRequest, ToolCall, ToolResult


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
    for part in (part for message in turns_of(request) for part in message.parts):
        if isinstance(part, ToolCall):
            called.add(part.id)
        elif isinstance(part, ToolResult) and part.id not in called:
            raise InvalidRequestError(f"input: no call before it has the id {cut(part.id, 70)!r}", param="input")
