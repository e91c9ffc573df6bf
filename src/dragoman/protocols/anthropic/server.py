"""The half that a program calls."""

from msgspec.structs import replace

from dragoman.errors import DragomanError
from dragoman.protocols.anthropic.encode_stream import AnswerEncoder, encode_message
from dragoman.protocols.anthropic.errors import envelope, outward, stream_error
from dragoman.protocols.anthropic.extra import NAME, noted
from dragoman.protocols.anthropic.hosted import NEWEST
from dragoman.protocols.anthropic.inputs import keep_in_request
from dragoman.protocols.anthropic.relay import READER
from dragoman.protocols.anthropic.request import decode_body
from dragoman.protocols.anthropic.service import BETA, REQUEST_ID
from dragoman.protocols.anthropic.stop_reasons import SAYABLE as SAYABLE_REASONS
from dragoman.protocols.anthropic.usage import SAYABLE as SAYABLE_COUNTS
from dragoman.protocols.base import Encoder, EventIdForm, ServerCodec
from dragoman.protocols.compaction import SUMMARY_PART
from dragoman.protocols.env import Env
from dragoman.protocols.errors.response import error_response
from dragoman.protocols.json_fields import wrong_type
from dragoman.protocols.prompt_regions import RegionFields
from dragoman.protocols.speech import OWN_RESULTS
from dragoman.types import ChatRequest, ChatResponse, ServerRequest, ServerResponse
from dragoman.types.http import JSON
from dragoman.wire import json

REGIONS = RegionFields("messages", system=("system",), settings=("tool_choice", "thinking", "output_config", "speed"))
"""A change of these settings misses what is cached of the messages:
https://platform.claude.com/docs/en/build-with-claude/prompt-caching, 2026-11."""


def decode_call(call: ServerRequest, *, limited: bool = True) -> ChatRequest:
    """The request of a caller, with its betas. `limited`: it must say how long the answer may be."""
    body = json.decode_request(call.body)
    if not isinstance(body, dict):
        raise wrong_type("the body", "an object", body)
    keep_in_request(call.body, body)
    request = decode_body(body, limited=limited)
    betas = ",".join(value.decode("latin-1") for name, value in call.headers if name == BETA.encode())
    return replace(request, extra=noted(request.extra, **{BETA: betas})) if betas else request


class AnthropicServer(ServerCodec):
    """Answers `POST /v1/messages`."""

    name = NAME
    event_ids = EventIdForm.LINES
    expresses = frozenset(
        {
            "text",
            "text.citations",
            "text.citations.quote",
            "text.citations.source",
            "text.citations.location",
            "text.opaque",
            "refusal",
            "refusal.opaque",
            "reasoning",
            "reasoning.opaque",
            "tool_call",
            "tool_call.cut",
            "tool_call.opaque",
            "hosted_call",
            "hosted_call.opaque",
            *(f"hosted_call.{kind}" for kind in NEWEST),
            OWN_RESULTS,
            SUMMARY_PART,
            f"unknown.{NAME}",
            "usage",
            *SAYABLE_COUNTS,
            *SAYABLE_REASONS,
            "stop_sequence",
            "detail.content_filter",
            "detail.refusal",
        }
    )
    id_header = REQUEST_ID
    region_fields = REGIONS
    reader = READER

    def decode_request(self, call: ServerRequest, *, key_shown: bool = False) -> ChatRequest:
        return decode_call(call)

    def encode_response(self, response: ChatResponse, request: ChatRequest, env: Env) -> ServerResponse:
        return ServerResponse(headers=JSON, body=encode_message(response, request, env))

    def encoder(self, request: ChatRequest, env: Env) -> Encoder:
        return AnswerEncoder(request, env)

    def encode_stream_error(self, error: DragomanError) -> bytes:
        return stream_error(error)

    def encode_error(self, error: DragomanError) -> ServerResponse:
        return error_response(error, outward(error), envelope(error))
