"""The half that a program calls."""

from dragoman.errors import DragomanError
from dragoman.protocols.base import Encoder, ServerCodec
from dragoman.protocols.env import Env
from dragoman.protocols.ollama.encode_stream import AnswerEncoder, encode_loaded, encode_whole
from dragoman.protocols.ollama.errors import JSON, encode_error, stream_error
from dragoman.protocols.ollama.extra import NAME
from dragoman.protocols.ollama.finish_reasons import SAYABLE as SAYABLE_REASONS
from dragoman.protocols.ollama.generate import decode_generate
from dragoman.protocols.ollama.relay import LINES, READER, is_generate
from dragoman.protocols.ollama.request import decode_chat, read_fields
from dragoman.protocols.prompt_regions import RegionFields
from dragoman.types import ChatRequest, ChatResponse, ServerRequest, ServerResponse
from dragoman.wire import json


class OllamaServer(ServerCodec):
    """Answers `POST /api/chat` and `POST /api/generate`."""

    name = NAME
    expresses = frozenset(
        {
            "text",
            "text.logprobs",
            "refusal",
            "reasoning",
            "reasoning.logprobs",
            "tool_call",
            "usage",
            *SAYABLE_REASONS,
        }
    )

    region_fields = RegionFields("messages")
    tells_time = True
    reader = READER

    def decode_request(self, call: ServerRequest, *, key_shown: bool = False) -> ChatRequest:
        fields = read_fields(json.decode_request(call.body))
        return decode_generate(fields) if is_generate(call) else decode_chat(fields, call.body)

    def encode_response(self, response: ChatResponse, request: ChatRequest, env: Env) -> ServerResponse:
        return ServerResponse(headers=JSON, body=encode_whole(response, request, env))

    def encode_loaded(self, request: ChatRequest, env: Env) -> ServerResponse:
        """The answer to a request without messages: there is nothing to load here."""
        headers = (("content-type", LINES),) if request.stream else JSON
        return ServerResponse(headers=headers, body=encode_loaded(request, env))

    def encoder(self, request: ChatRequest, env: Env) -> Encoder:
        return AnswerEncoder(request, env)

    def encode_stream_error(self, error: DragomanError) -> bytes:
        return stream_error(error)

    def encode_error(self, error: DragomanError) -> ServerResponse:
        return encode_error(error)
