"""The half that a program calls."""

from dragoman.errors import DragomanError
from dragoman.protocols.base import Encoder, EventIdForm, ServerCodec
from dragoman.protocols.env import Env
from dragoman.protocols.errors.response import error_response, usual_status
from dragoman.protocols.json_fields import refused, wrong_type
from dragoman.protocols.openai_chat.encode_stream import AnswerEncoder, encode_completion
from dragoman.protocols.openai_chat.errors import envelope, stream_error
from dragoman.protocols.openai_chat.extra import FAMILY, NAME
from dragoman.protocols.openai_chat.finish_reasons import SAYABLE as SAYABLE_REASONS
from dragoman.protocols.openai_chat.relay import READER
from dragoman.protocols.openai_chat.request import decode_body
from dragoman.protocols.openai_chat.usage import SAYABLE as SAYABLE_COUNTS
from dragoman.protocols.prompt_regions import RegionFields
from dragoman.protocols.relay import RelayReader
from dragoman.types import ChatRequest, ChatResponse, ServerRequest, ServerResponse
from dragoman.types.http import JSON
from dragoman.wire import json

REGIONS = RegionFields("messages", tools=("tools", "functions"), settings=("response_format", "prompt_cache_key"))
"""The schema of an answer's form stands before the messages, and the key says where the cache is:
https://platform.openai.com/docs/guides/prompt-caching, 2026-11."""


class OpenAIChatServer(ServerCodec):
    """Answers `POST /v1/chat/completions`."""

    name = NAME
    family = FAMILY
    event_ids = EventIdForm.LINES
    expresses = frozenset(
        {
            "text",
            "text.citations.url",
            "text.citations.text_range",
            "text.logprobs",
            "text.opaque",
            "refusal",
            "reasoning",
            "reasoning.opaque",
            "image",
            "image.url",
            "image.data",
            "audio",
            "audio.data",
            "audio.transcript",
            "tool_call",
            "tool_call.cut",
            "tool_call.opaque",
            f"unknown.{NAME}",
            "usage",
            *SAYABLE_COUNTS,
            *SAYABLE_REASONS,
        }
    )
    region_fields = REGIONS
    reader: RelayReader = READER

    def decode_request(self, call: ServerRequest, *, key_shown: bool = False) -> ChatRequest:
        body = json.decode_request(call.body)
        if not isinstance(body, dict):
            raise wrong_type("the body", "an object", body)
        request = decode_body(body)
        if not request.messages:
            raise refused("messages", "expected at least one message")
        return request

    def encode_response(self, response: ChatResponse, request: ChatRequest, env: Env) -> ServerResponse:
        return ServerResponse(headers=JSON, body=encode_completion(response, request, env))

    def encoder(self, request: ChatRequest, env: Env) -> Encoder:
        return AnswerEncoder(request, env)

    def encode_stream_error(self, error: DragomanError) -> bytes:
        return stream_error(error)

    def encode_error(self, error: DragomanError) -> ServerResponse:
        return error_response(error, usual_status(error), envelope(error))
