"""How many tokens a request has. https://ai.google.dev/api/tokens"""

from collections.abc import Callable

from dragoman.errors import InvalidRequestError
from dragoman.protocols.env import Env
from dragoman.protocols.gemini.errors import JSON, failure_in, reported
from dragoman.protocols.gemini.extra import NAME, to_extra
from dragoman.protocols.gemini.names import camel
from dragoman.protocols.gemini.relay import GEMINI_ROOT, Target, model_and_method
from dragoman.protocols.gemini.request import decode_body
from dragoman.protocols.json_fields import refused, wrong_type
from dragoman.protocols.operations import CountClient, CountServer, beside, no_count
from dragoman.protocols.reported_count import read_count
from dragoman.protocols.request_body import request_body
from dragoman.types import ChatRequest, HttpRequest, HttpResponse, ServerRequest, ServerResponse, TokenCount
from dragoman.wire import json

METHOD = "countTokens"
CACHED = "cachedContentTokenCount"
CONTENTS = "contents"
WHOLE = "generateContentRequest"
"""The field of a whole request; SDKs for the Gemini API send `contents` alone."""


COUNTED = ("contents", "systemInstruction", "tools", "generationConfig")
"""Fields of a question for tokens that Vertex AI takes, where it has no field for a whole request.
https://cloud.google.com/vertex-ai/generative-ai/docs/reference/rest/v1/projects.locations.endpoints/countTokens,
googleapis/python-genai (google/genai/models.py), seen 2026-11-29"""


Encode = Callable[[ChatRequest, Env], HttpRequest]


class GeminiCounter(CountClient):
    """Calls `:countTokens` of a model. `encode`: writes a chat request; `whole`: the service takes one in a field."""

    def __init__(self, encode: Encode, *, whole: bool = True) -> None:
        self._encode = encode
        self._whole = whole

    def encode_request(self, request: ChatRequest, env: Env) -> HttpRequest:
        message = self._encode(request, env)
        target, _, _ = message.url.partition("?")[0].rpartition(":")
        said = json.decode_event(message.body)
        if self._whole:
            body = {WHOLE: {"model": target.partition(f"{GEMINI_ROOT}/")[2]} | said}
        else:
            body = {name: value for name, value in said.items() if name in COUNTED}
        return HttpRequest(url=f"{target}:{METHOD}", headers=message.headers, body=request_body(body))

    def decode_response(self, reply: HttpResponse) -> TokenCount:
        match json.decode_event(reply.body):
            case {"totalTokens": total, **rest} if (count := read_count(total)) is not None:
                read = read_count(rest.get(CACHED))
                return TokenCount(count, cache_read_tokens=read, extra=to_extra(beside(rest, CACHED)))
            case value:
                failure = failure_in(value)
                raise no_count() if failure is None else reported(failure)


class GeminiCountServer(CountServer):
    """Answers `:countTokens`."""

    def decode_request(self, call: ServerRequest) -> ChatRequest:
        body = json.decode_request(call.body)
        if not isinstance(body, dict):
            raise wrong_type("the body", "an object", body)
        fields = camel(body)
        whole = fields.get(WHOLE)
        target = Target(model_and_method(call.path)[0], stream=False)
        if whole is None:
            return decode_body(body, call.body, target, begun=True)
        if not isinstance(whole, dict):
            raise wrong_type(WHOLE, "an object", whole)
        if fields.get(CONTENTS):
            raise refused(CONTENTS, f"expected either this or `{WHOLE}`, got both")
        try:
            return decode_body(whole, json.encode(whole), target, begun=True)
        except InvalidRequestError as exc:
            if exc.param is None:
                raise
            raise InvalidRequestError(f"{WHOLE}.{exc.message}", param=f"{WHOLE}.{exc.param}") from exc

    def encode_response(self, count: TokenCount) -> ServerResponse:
        body = count.extra.get(NAME, {}) | {"totalTokens": count.input_tokens}
        if count.cache_read_tokens is not None:
            body[CACHED] = count.cache_read_tokens
        return ServerResponse(headers=JSON, body=json.encode(body))
