"""Completions of a text, the API before there were chats. The prompt is one turn of the user.

https://platform.openai.com/docs/api-reference/completions. This is for services that only chat: a model does not
continue a text there, but answers it. Services with a path of their own for texts are relayed to; see
`completions_relay`.
"""

from collections.abc import Sequence
from typing import Any

import msgspec

from dragoman.errors import DragomanError
from dragoman.protocols.base import Encoder
from dragoman.protocols.env import Env
from dragoman.protocols.json_fields import Fields, refused, wrong_type
from dragoman.protocols.openai_chat.completions_relay import COMPLETIONS, COMPLETIONS_READER
from dragoman.protocols.openai_chat.errors import stream_error
from dragoman.protocols.openai_chat.finish_reasons import SAYABLE as SAYABLE_REASONS
from dragoman.protocols.openai_chat.finish_reasons import encode_reason
from dragoman.protocols.openai_chat.request import decode_body
from dragoman.protocols.openai_chat.server import OpenAIChatServer
from dragoman.protocols.openai_chat.usage import SAYABLE as SAYABLE_COUNTS
from dragoman.protocols.openai_chat.usage import encode_usage
from dragoman.protocols.relay import RelayReader
from dragoman.types import (
    ChatRequest,
    ChatResponse,
    PartDelta,
    PartStart,
    Refusal,
    ResponseEnd,
    ResponseStart,
    ServerRequest,
    ServerResponse,
    StreamEvent,
    Text,
)
from dragoman.types.http import JSON
from dragoman.wire import json, sse

_json = msgspec.json.Encoder().encode

KIND = "text_completion"

CHATS = (
    "it is asked as a chat, because no path for texts is known of the model's service (its setting `completions`), or "
    "its route has `continue` or `hedge`"
)
UNSAYABLE = f"expected it without this field: {CHATS}"


class OpenAICompletionsServer(OpenAIChatServer):
    """Answers `POST /v1/completions`."""

    expresses = frozenset({"text", "refusal", "usage", *SAYABLE_COUNTS, *SAYABLE_REASONS})
    reader: RelayReader = COMPLETIONS_READER
    relay_name = COMPLETIONS

    def decode_request(self, call: ServerRequest, *, key_shown: bool = False) -> ChatRequest:
        fields = Fields(json.decode_request(call.body))
        prompt = _prompt(fields)
        # 0 asks for the probabilities of the tokens alone.
        for name, asked in (
            ("suffix", fields.text("suffix")),
            ("echo", fields.boolean("echo")),
            ("logprobs", fields.integer("logprobs") is not None),
        ):
            if asked:
                raise refused(name, UNSAYABLE)
        if fields.any("messages") is not None:
            raise refused("messages", "expected a prompt alone; POST /v1/chat/completions takes messages")
        if (best := fields.integer("best_of")) not in {None, 1}:
            raise refused("best_of", f"expected 1 answer, {best} were asked for")
        return decode_body(fields.rest | {"messages": [{"role": "user", "content": prompt}]})

    def encode_response(self, response: ChatResponse, request: ChatRequest, env: Env) -> ServerResponse:
        texts = [part.text for part in response.parts if isinstance(part, Text | Refusal)]
        body = _head(response, request.model, env)
        body["choices"] = [_choice("".join(texts), encode_reason(response.finish_reason, refusal=True))]
        if response.usage is not None:
            body["usage"] = encode_usage(response.usage)
        return ServerResponse(headers=JSON, body=_json(body))

    def encoder(self, request: ChatRequest, env: Env) -> Encoder:
        return CompletionEncoder(request, env)


def _prompt(fields: Fields) -> str:
    value, path = fields.any("prompt"), fields.path("prompt")
    if isinstance(value, list) and len(value) == 1:
        value = value[0]
    if isinstance(value, str):
        return value
    if isinstance(value, list):
        raise refused(path, f"expected one text, not several, nor tokens: {CHATS}")
    raise wrong_type(path, "a string", value)


def _head(start: ResponseStart | ChatResponse, model: str, env: Env) -> dict[str, Any]:
    return {
        "id": start.id or f"cmpl-{env.new_id()}",
        "object": KIND,
        "created": int(env.now) if start.created is None else start.created,
        "model": start.model or model,
    }


def _choice(text: str, reason: str | None) -> dict[str, Any]:
    return {"text": text, "index": 0, "logprobs": None, "finish_reason": reason}


class CompletionEncoder(Encoder):
    """Chunks from events."""

    headers = (("content-type", "text/event-stream; charset=utf-8"), ("cache-control", "no-store"))
    heartbeat = sse.HEARTBEAT

    def __init__(self, request: ChatRequest, env: Env) -> None:
        self._model = request.model
        self._include_usage = request.include_usage
        self._env = env
        self._before = b""
        """What stands before the choices, in every chunk of this stream."""
        self._after = b',"usage":null}\n\n' if request.include_usage else b"}\n\n"
        """What stands after them, in every chunk but that of the usage."""
        self._says = False
        """Whether the open part is text."""

    def send(self, events: Sequence[StreamEvent]) -> bytes:
        out: list[bytes] = []
        for event in events:
            match event:
                case PartDelta(text) if text and self._says:
                    out.append(self._chunk([_choice(text, None)]))
                case PartStart(Text(text=text) | Refusal(text=text)):
                    self._says = True
                    if text:
                        out.append(self._chunk([_choice(text, None)]))
                case PartStart():
                    self._says = False
                case ResponseStart():
                    head = _json(_head(event, self._model, self._env))
                    self._before = b"data: " + head[:-1] + b',"choices":'
                case ResponseEnd(reason, usage):
                    out.append(self._chunk([_choice("", encode_reason(reason, refusal=True))]))
                    if self._include_usage and usage is not None:
                        out += (self._before, b'[],"usage":', _json(encode_usage(usage)), b"}\n\n")
                    out.append(b"data: [DONE]\n\n")
                case _:
                    pass
        return b"".join(out)

    def fail(self, error: DragomanError) -> bytes:
        return stream_error(error)

    def _chunk(self, choices: list[dict[str, Any]]) -> bytes:
        return self._before + _json(choices) + self._after
