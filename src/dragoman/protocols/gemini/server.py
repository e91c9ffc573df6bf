"""The half that a program calls."""

from msgspec.structs import replace

from dragoman.errors import DragomanError
from dragoman.protocols.base import Encoder, EventIdForm, ServerCodec
from dragoman.protocols.env import Env
from dragoman.protocols.errors.response import error_response
from dragoman.protocols.gemini.encode_stream import AnswerEncoder, encode_reply, stream_error
from dragoman.protocols.gemini.errors import JSON, envelope, outward
from dragoman.protocols.gemini.extra import NAME
from dragoman.protocols.gemini.finish_reasons import NATIVE
from dragoman.protocols.gemini.relay import READER, read_target, wants_array
from dragoman.protocols.gemini.request import decode_body
from dragoman.protocols.gemini.usage import SAYABLE as SAYABLE_COUNTS
from dragoman.protocols.json_fields import wrong_type
from dragoman.protocols.prompt_regions import RegionFields
from dragoman.protocols.speech import HOSTED_CALLS
from dragoman.types import ChatRequest, ChatResponse, ServerRequest, ServerResponse
from dragoman.wire import json

ALT = ("$alt=", "%24alt=")
"""How a query begins that Google's clients for REST write; others write `alt`."""

REGIONS = RegionFields(
    "contents", system=("systemInstruction", "system_instruction"), settings=("cachedContent", "cached_content")
)


class GeminiServer(ServerCodec):
    """Answers `POST /v1beta/models/M:generateContent` and `…:streamGenerateContent`, with `?alt=sse` or without."""

    name = NAME
    event_ids = EventIdForm.COUNTED
    expresses = frozenset(
        {
            "text",
            "text.opaque",
            "text.citations",
            "text.citations.text_range",
            *(f"text.citations.{kind}.quote" for kind in ("document", "file", "search_result", "place")),
            "text.logprobs",
            "text.logprobs.id",
            "reasoning",
            "reasoning.opaque",
            "image",
            "image.data",
            "image.url",
            "image.file_id",
            "image.opaque",
            "audio",
            "audio.data",
            "audio.url",
            "audio.file_id",
            "audio.opaque",
            "file",
            "file.data",
            "file.url",
            "file.file_id",
            "file.name",
            "file.opaque",
            "tool_call",
            "tool_call.opaque",
            "hosted_call",
            *HOSTED_CALLS,
            "hosted_call.opaque",
            "hosted_result",
            "hosted_result.opaque",
            f"unknown.{NAME}",
            "usage",
            *SAYABLE_COUNTS,
            *(f"finish_reason.{reason}" for reason in NATIVE),
            *(f"detail.{reason}" for reason in NATIVE),
        }
    )
    region_fields = REGIONS
    reader = READER

    def decode_request(self, call: ServerRequest, *, key_shown: bool = False) -> ChatRequest:
        target = read_target(call)
        body = json.decode_request(call.body)
        if not isinstance(body, dict):
            raise wrong_type("the body", "an object", body)
        return decode_body(body, call.body, target)

    def encode_response(self, response: ChatResponse, request: ChatRequest, env: Env) -> ServerResponse:
        return ServerResponse(headers=JSON, body=encode_reply(response, request, env))

    def encoder(self, request: ChatRequest, env: Env) -> Encoder:
        return AnswerEncoder(request, env)

    def encode_stream_error(self, error: DragomanError) -> bytes:
        return stream_error(error)

    def error_form(self, call: ServerRequest) -> bool:
        return _fails_in_list(call)

    def refusal(self, call: ServerRequest, error: DragomanError) -> ServerResponse:
        """In a list, as its only reply, for who would get a list of replies: such a caller reads nothing else.

        Not for Google's clients for REST, which read the reason of an object alone (google-api-core, `exceptions.py`).
        """
        response = self.encode_error(error)
        return replace(response, body=b"[%b]" % response.body) if _fails_in_list(call) else response

    def encode_error(self, error: DragomanError) -> ServerResponse:
        return error_response(error, outward(error), envelope(error), JSON)


def _fails_in_list(call: ServerRequest) -> bool:
    return wants_array(call) and not any(part.startswith(ALT) for part in call.query.split("&"))
