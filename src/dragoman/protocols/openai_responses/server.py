"""The half that a program calls."""

from collections.abc import Sequence
from typing import Any

from msgspec.structs import replace

from dragoman.errors import BadEventError, DragomanError
from dragoman.protocols.base import Encoder, EventIdForm, ServerCodec
from dragoman.protocols.compaction import SUMMARY_PART
from dragoman.protocols.env import Env
from dragoman.protocols.errors.response import error_response, usual_status
from dragoman.protocols.json_fields import wrong_type
from dragoman.protocols.openai_responses.compaction import check_whole, compacted
from dragoman.protocols.openai_responses.encode_errors import envelope, failure, first_heartbeat
from dragoman.protocols.openai_responses.encode_stream import AnswerEncoder, Tell, encode_response
from dragoman.protocols.openai_responses.extra import NAME
from dragoman.protocols.openai_responses.finish_reasons import SAYABLE as SAYABLE_REASONS
from dragoman.protocols.openai_responses.outputs import ItemWriter
from dragoman.protocols.openai_responses.relay import COMPACT_READER, PREVIOUS, READER
from dragoman.protocols.openai_responses.request import decode_body
from dragoman.protocols.openai_responses.sayable import Sayable
from dragoman.protocols.openai_responses.usage import SAYABLE as SAYABLE_COUNTS
from dragoman.protocols.openai_responses.write_input import encode_input
from dragoman.protocols.openai_shared.family import FAMILY
from dragoman.protocols.prompt_regions import RegionFields
from dragoman.protocols.speech import HOSTED_CALLS
from dragoman.types import ChatRequest, ChatResponse, ServerRequest, ServerResponse
from dragoman.types.http import JSON
from dragoman.wire import json
from dragoman.wire.sse import SseReader

MESSAGE = "message"

EXPRESSES = frozenset(
    {
        "text",
        "text.citations",
        "text.citations.source",
        "text.citations.text_range",
        "text.logprobs",
        "text.opaque",
        "refusal",
        "refusal.opaque",
        "reasoning",
        "reasoning.opaque",
        "tool_call",
        "tool_call.cut",
        "tool_call.namespace",
        "tool_call.opaque",
        "image",
        "image.data",
        "image.opaque",
        "hosted_call",
        *HOSTED_CALLS,
        f"unknown.{NAME}",
        SUMMARY_PART,
        "usage",
        *SAYABLE_COUNTS,
        *SAYABLE_REASONS,
    }
)

REGIONS = RegionFields(
    "input",
    system=("instructions",),
    settings=("text.format", "prompt_cache_key"),
    elsewhere=frozenset({PREVIOUS, "conversation", "prompt"}),
)
"""The schema of an answer's form stands before the messages, and the key says where the cache is:
https://platform.openai.com/docs/guides/prompt-caching, 2026-11."""


class OpenAIResponsesServer(ServerCodec):
    """Answers `POST /v1/responses`.

    `end_mark`: whether `[DONE]` follows the last event of a stream. `tell`: is told each answer as its caller gets it.
    `answer_id`: that of the only answer which it writes, whose items may be referred to; empty: they may not.
    """

    name = NAME
    family = FAMILY
    event_ids = EventIdForm.LINES
    expresses = EXPRESSES
    region_fields = REGIONS
    reader = READER

    def __init__(self, *, end_mark: bool = False, tell: Tell | None = None, answer_id: str = "") -> None:
        self._end_mark = end_mark
        self._tell = tell
        self._answer_id = answer_id

    def telling(self, tell: Tell, answer_id: str) -> "OpenAIResponsesServer":
        """The same for one answer, with `tell`."""
        return OpenAIResponsesServer(end_mark=self._end_mark, tell=tell, answer_id=answer_id)

    def decode_request(self, call: ServerRequest, *, key_shown: bool = False) -> ChatRequest:
        body = json.decode_request(call.body)
        if not isinstance(body, dict):
            raise wrong_type("the body", "an object", body)
        return decode_body(body)

    def encode_response(self, response: ChatResponse, request: ChatRequest, env: Env) -> ServerResponse:
        body = encode_response(response, request, env, self._answer_id)
        if self._tell is not None:
            self._tell(body, ItemWriter(request, env).told(response.message))
        return ServerResponse(headers=JSON, body=body)

    def encoder(self, request: ChatRequest, env: Env) -> Encoder:
        return AnswerEncoder(request, env, end_mark=self._end_mark, tell=self._tell, answer_id=self._answer_id)

    def encode_stream_error(self, error: DragomanError) -> bytes:
        return failure(error, {"object": "response", "output": []}, 0)

    def public_id(self, event: bytes) -> str:
        response = event_object(event).get("response")
        named = response.get("id") if isinstance(response, dict) else None
        return named if isinstance(named, str) else ""

    def position(self, event: bytes) -> int | None:
        number = event_object(event).get("sequence_number")
        return number if isinstance(number, int) else None

    def first_heartbeat(self, call: ServerRequest) -> bytes | None:
        return first_heartbeat(call)

    def encode_error(self, error: DragomanError) -> ServerResponse:
        return error_response(error, usual_status(error), envelope(error))


def event_object(event: bytes) -> dict[str, Any]:
    """The object in an event; empty if it is none."""
    for each in SseReader().feed(event):
        try:
            value = json.decode_loosely(each.data)
        except BadEventError:
            return {}
        return value if isinstance(value, dict) else {}
    return {}


class ResponsesCompactServer(OpenAIResponsesServer):
    """Answers `POST /v1/responses/compact`, which is never streamed: what is said is to be compacted."""

    reader = COMPACT_READER

    def telling(self, tell: Tell, answer_id: str) -> OpenAIResponsesServer:
        return self

    def decode_request(self, call: ServerRequest, *, key_shown: bool = False) -> ChatRequest:
        request = super().decode_request(call, key_shown=key_shown)
        return replace(request, compact=True, stream=False, store=False)

    def encode_response(self, response: ChatResponse, request: ChatRequest, env: Env) -> ServerResponse:
        check_whole(response)
        output = ItemWriter(request, env).whole(response.parts, cut=False)
        return ServerResponse(headers=JSON, body=json.encode(compacted(response, request, output, env)))


def input_items(request: ChatRequest, answer_id: str, before: Sequence[dict[str, Any]] = ()) -> list[dict[str, Any]]:
    """What a request brought after the items `before`, as a list for its caller, each with an id that no other has."""
    said = tuple(message for message in request.messages if not message.top_level)
    own: set[object] = set()
    listed: list[dict[str, Any]] = []
    for i, item in enumerate([*before, *encode_input(said, request.tools, Sayable(None))]):
        name = item.get("id")
        if not isinstance(name, str) or name in own:
            name = f"item_{answer_id.removeprefix('resp_')}_{i}"
        own.add(name)
        # New objects: an item that no other protocol has is the request's own, as it came.
        listed.append(_message(item, name) if "type" not in item or item["type"] == MESSAGE else item | {"id": name})
    return listed


def _message(item: dict[str, Any], name: str) -> dict[str, Any]:
    """A message in the long form of this protocol, with the id `name`."""
    message = item | {"type": MESSAGE, "id": name}
    if isinstance(text := item.get("content"), str):
        kind = "output_text" if item.get("role") == "assistant" else "input_text"
        message["content"] = [{"type": kind, "text": text}]
    return message
