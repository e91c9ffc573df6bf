"""How many tokens a request has: asked of a service, and answered to a caller.

https://platform.claude.com/docs/en/api/messages-count-tokens
"""

from msgspec.structs import replace

from dragoman.protocols.anthropic.errors import failure_in, reported
from dragoman.protocols.anthropic.extra import NAME, to_extra
from dragoman.protocols.anthropic.request import Variant, encode_body, with_version
from dragoman.protocols.anthropic.server import decode_call
from dragoman.protocols.anthropic.service import JSON, count_url, headers_for
from dragoman.protocols.env import Env
from dragoman.protocols.operations import CountClient, CountServer, beside, no_count
from dragoman.protocols.reported_count import read_count
from dragoman.protocols.request_body import request_body
from dragoman.types import ChatRequest, HttpRequest, HttpResponse, ServerRequest, ServerResponse, TokenCount
from dragoman.wire import json

UNCOUNTED = frozenset(
    {"max_tokens", "stream", "stop_sequences", "temperature", "top_p", "top_k", "metadata", "service_tier"}
)
"""Fields of a request that are no part of a question for its tokens, which the service would refuse."""


class AnthropicCounter(CountClient):
    """Asks `POST {url}/v1/messages/count_tokens`, or where Vertex AI counts."""

    def __init__(self, url: str, variant: Variant) -> None:
        self._url = count_url(url, variant)
        self._variant = variant

    def encode_request(self, request: ChatRequest, env: Env) -> HttpRequest:
        body = encode_body(request, self._variant)
        asked = {name: value for name, value in body.items() if name not in UNCOUNTED}
        asked = with_version(asked, self._variant, self._variant.version)
        headers = headers_for(request, self._variant, env.key, JSON)
        return HttpRequest(url=self._url, headers=headers, body=request_body(asked))

    def decode_response(self, reply: HttpResponse) -> TokenCount:
        value = json.decode_event(reply.body)
        count = read_count(value.get("input_tokens")) if isinstance(value, dict) else None
        if count is None:
            raise no_count() if failure_in(value) is None else reported(value)
        return TokenCount(count, extra=to_extra(beside(value, "input_tokens")))


class AnthropicCountServer(CountServer):
    """Answers `POST /v1/messages/count_tokens`."""

    def decode_request(self, call: ServerRequest) -> ChatRequest:
        request = decode_call(call, limited=False)
        # A request for a summary is counted as the conversation that it has.
        return replace(request, compact=False)

    def encode_response(self, count: TokenCount) -> ServerResponse:
        body = json.encode(count.extra.get(NAME, {}) | {"input_tokens": count.input_tokens})
        return ServerResponse(headers=(("content-type", JSON),), body=body)
