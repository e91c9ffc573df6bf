"""Gives back an answer that is kept here or by a service, or what led to it, or forgets it."""

import re
from contextlib import aclosing
from typing import Any
from urllib.parse import parse_qsl

from dragoman.client import Client
from dragoman.engine.forward import GONE, Forwarded
from dragoman.error_words import cut
from dragoman.errors import DragomanError, InvalidRequestError, OverloadedError, RequestError
from dragoman.gateway.answer import STREAM, fit_late
from dragoman.gateway.attempts import asked_headers
from dragoman.gateway.fronts.endpoints import Endpoint
from dragoman.gateway.http.response_writer import ResponseWriter
from dragoman.gateway.overload import SOON
from dragoman.gateway.remembered import Memory
from dragoman.protocols.openai_responses import item_page
from dragoman.protocols.operations import KeptCall, KeptStream
from dragoman.types import Headers, ServerRequest, ServerResponse
from dragoman.types.http import JSON
from dragoman.wire import json

ITEMS, CANCEL = "input_items", "cancel"
PARTS = {"GET": ITEMS, "POST": CANCEL}
"""What stands below an answer, by method."""

NUMBER = re.compile(r"[0-9]{1,15}")


class KeptEndpoint(Endpoint):
    """Answers `{prefix}/{id}` and what stands below it, for the key that got the answer.

    An answer that is not kept here, but by the service that gave it, is asked for there: the service's reply passes as
    it came, and its errors are told as all are. `clean`: how a stream ends that breaks off.
    """

    def __init__(self, client: Client, memory: Memory, *, prefix: str, clean: bool) -> None:
        self._client = client
        self._memory = memory
        self._prefix = f"{prefix}/"
        self._clean = clean

    async def __call__(self, call: ServerRequest, writer: ResponseWriter) -> None:
        owner = writer.outcome.identity.fingerprint
        wanted = self._wanted(call)
        target = self._memory.owners.find(owner, wanted.id)
        if target:
            await self._forward(wanted, target, writer)
        else:
            await writer.send(self._own(wanted, owner))

    def _wanted(self, call: ServerRequest) -> KeptCall:
        name = call.path.removeprefix(self._prefix)
        # Who wants the head alone wants no stream.
        method, query = ("GET", "") if call.method == "HEAD" else (call.method, call.query)
        part = PARTS.get(method, "")
        if not (part and name.endswith(f"/{part}")):
            return KeptCall(method, name, query=query)
        return KeptCall(method, name.removesuffix(f"/{part}"), part, query)

    def streamed(self, call: ServerRequest) -> tuple[str, int | None] | None:
        """The id of the answer of which `call` wants the stream, and after which event of it; None if it wants none.

        Raises InvalidRequestError.
        """
        wanted = self._wanted(call)
        asked = dict(parse_qsl(wanted.query))
        if wanted.method != "GET" or wanted.part or asked.get("stream") != "true":
            return None
        after = asked.get("starting_after")
        if after is not None and not NUMBER.fullmatch(after):
            message = f"starting_after: expected an integer from 0 on, got {cut(after, 40)!r}"
            raise InvalidRequestError(message, param="starting_after")
        return wanted.id, None if after is None else int(after)

    def is_elsewhere(self, name: str, writer: ResponseWriter) -> bool:
        """Whether a service keeps the answer."""
        return bool(self._memory.owners.find(writer.outcome.identity.fingerprint, name))

    def is_deleted(self, name: str, writer: ResponseWriter) -> bool:
        """Whether the answer was deleted, so that its stream must not be given back either."""
        return self._memory.is_deleted(writer.outcome.identity.fingerprint, name)

    def _own(self, wanted: KeptCall, owner: str) -> ServerResponse:
        """What is kept here. Raises RequestError."""
        if wanted.method == "DELETE":
            if not self._memory.forget(owner, wanted.id):
                raise _missing(wanted.id) if self._memory.find(owner, wanted.id) is None else _stays(wanted.id)
            return _ok({"id": wanted.id, "object": "response", "deleted": True})
        found = self._memory.find(owner, wanted.id)
        if found is None:
            raise _missing(wanted.id)
        if wanted.part == CANCEL:
            raise InvalidRequestError("only an answer that is made in the background can be cancelled")
        if not wanted.part and "stream=true" in wanted.query.split("&"):
            raise InvalidRequestError("stream: this answer is kept as a whole, and cannot be streamed", param="stream")
        if wanted.part == ITEMS:
            return _ok(item_page(found.items, dict(parse_qsl(wanted.query, keep_blank_values=True))))
        return _ok(found.body)

    async def _forward(self, wanted: KeptCall, target: str, writer: ResponseWriter) -> None:
        """What the service says."""
        outcome = writer.outcome
        outcome.target = target
        reply: Forwarded | None = None
        try:
            async with writer:
                reply = await self._client.forward(target.partition("/")[0], wanted)
                outcome.upstream_status = reply.head.status
                if wanted.method == "DELETE":
                    self._memory.forget(outcome.identity.fingerprint, wanted.id)
                if reply.stream is not None:
                    await self._stream(reply, reply.stream, writer)
                    return
                body = await reply.whole()
        except DragomanError as exc:
            if exc.code != GONE:
                exc.attempts = (exc.attempt(target),)
            raise
        finally:
            if reply is not None:
                reply.close()
        await writer.send(ServerResponse(status=reply.head.status, headers=_type(reply), body=body))

    async def _stream(self, reply: Forwarded, stream: KeptStream, writer: ResponseWriter) -> None:
        await writer.start(reply.head.status, (*_type(reply), *STREAM.items(), *asked_headers(writer.outcome)))
        try:
            async with aclosing(reply.pieces(stream)) as pieces:
                async for data in pieces:
                    await writer.write(data)
        except DragomanError as exc:
            writer.outcome.fail(exc)
            await writer.break_off(stream.failure(fit_late(exc, writer)), clean=self._clean)
        else:
            await writer.write(b"", more=False)


def _type(reply: Forwarded) -> Headers:
    said = reply.head.header("content-type")
    return () if said is None else (("content-type", said),)


def _ok(value: Any) -> ServerResponse:
    return ServerResponse(headers=JSON, body=json.encode(value))


def _missing(name: str) -> RequestError:
    message = f"there is no response {cut(name, 80)!r} of this caller here"
    return RequestError(message, status=404, code=GONE)


def _stays(name: str) -> OverloadedError:
    """The error for an answer that should be forgotten, while the store cannot be written."""
    message = f"the response {cut(name, 80)!r} could not be deleted now, and is still there; try again soon"
    return OverloadedError(message, provider="dragoman", retry_after=SOON)
