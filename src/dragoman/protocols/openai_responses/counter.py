"""How many tokens a request has: `POST {url}/responses/input_tokens`."""

from dragoman.protocols.carrier import BEARER
from dragoman.protocols.env import Env
from dragoman.protocols.json_fields import wrong_type
from dragoman.protocols.openai_responses.agent_items import with_functions_alone
from dragoman.protocols.openai_responses.extra import NAME, to_extra
from dragoman.protocols.openai_responses.request import Variant, decode_body, encode_body
from dragoman.protocols.openai_responses.sayable import Sayable
from dragoman.protocols.openai_shared.errors import failure_in, reported
from dragoman.protocols.operations import CountClient, CountServer, beside, no_count
from dragoman.protocols.reported_count import read_count
from dragoman.protocols.request_body import request_body
from dragoman.types import ChatRequest, HttpRequest, HttpResponse, ServerRequest, ServerResponse, TokenCount
from dragoman.types.http import JSON
from dragoman.wire import json

COUNTED = frozenset(
    {
        "conversation",
        "input",
        "instructions",
        "model",
        "parallel_tool_calls",
        "personality",
        "previous_response_id",
        "reasoning",
        "text",
        "tool_choice",
        "tools",
        "truncation",
    }
)
"""Fields of a request that cost tokens, or say which: the service refuses the others here."""

OBJECT = "response.input_tokens"


class ResponsesCounter(CountClient):
    """Asks a service; see `OpenAIResponsesClient`."""

    def __init__(self, url: str, variant: Variant, origin: str | None = None) -> None:
        self._url = f"{url}/input_tokens"
        self._variant = variant
        self._origin = origin

    def encode_request(self, request: ChatRequest, env: Env) -> HttpRequest:
        headers = BEARER.json_headers(env.key, "application/json")
        if env.profile.freeform_tools is False:
            request = with_functions_alone(request)
        body = encode_body(request, self._variant, Sayable(self._origin, own_ids=self._variant.own_ids))
        said = {name: value for name, value in body.items() if name in COUNTED}
        return HttpRequest(url=self._url, headers=headers, body=request_body(said))

    def decode_response(self, reply: HttpResponse) -> TokenCount:
        match json.decode_event(reply.body):
            case {"input_tokens": total, **rest} if (count := read_count(total)) is not None:
                return TokenCount(count, extra=to_extra(beside(rest, "object")))
            case value:
                failure = failure_in(value)
                raise no_count() if failure is None else reported(NAME, failure)


class ResponsesCountServer(CountServer):
    """Answers `POST /v1/responses/input_tokens`."""

    def decode_request(self, call: ServerRequest) -> ChatRequest:
        body = json.decode_request(call.body)
        if not isinstance(body, dict):
            raise wrong_type("the body", "an object", body)
        return decode_body(body)

    def encode_response(self, count: TokenCount) -> ServerResponse:
        body = count.extra.get(NAME, {}) | {"object": OBJECT, "input_tokens": count.input_tokens}
        return ServerResponse(headers=JSON, body=json.encode(body))
