"""Refusals of requests that are one too many: written once for each protocol, then sent again and again.

A gateway with too much to do must not spend it on those whom it refuses, and all of them are told the same. Only the
request's id differs, if the protocol has it in the body.
"""

from collections.abc import Hashable

from msgspec import Struct
from msgspec.structs import replace

from dragoman.engine.env import system_env
from dragoman.errors import DragomanError
from dragoman.gateway.http.heads import fields
from dragoman.protocols.base import ServerCodec
from dragoman.types import ServerRequest, ServerResponse


class Refusal(Struct, frozen=True):
    """A response, and its header fields ready to send."""

    response: ServerResponse
    lines: bytes


class Refusals:
    """Those of one gateway."""

    def __init__(self) -> None:
        self._id = system_env().new_id()
        """Stands for the request's id in what is kept. Nobody else knows it, so that no message can hold it."""
        self._kept: dict[tuple[ServerCodec, Hashable, str], tuple[Refusal, bool]] = {}
        """By protocol, form and code, with whether the id is in the body."""

    def refusal(self, codec: ServerCodec, call: ServerRequest, error: DragomanError, request_id: str) -> Refusal:
        """`error` in answer to `call`, in the words of `codec`. Errors with the same code must say the same."""
        key = codec, codec.error_form(call), error.code
        kept = self._kept.get(key)
        if kept is None:
            error.request_id = self._id
            response = replace(codec.refusal(call, error), error=error.code)
            made = Refusal(response, fields(response.headers))
            kept = self._kept[key] = made, self._id.encode() in response.body
        refusal, named = kept
        if not named:
            return refusal
        body = refusal.response.body.replace(self._id.encode(), request_id.encode())
        return Refusal(replace(refusal.response, body=body), refusal.lines)
