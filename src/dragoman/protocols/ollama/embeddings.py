"""Embeddings: `/api/embed`, and `/api/embeddings` for one text. https://github.com/ollama/ollama/blob/main/docs/api.md"""

from typing import Any

from dragoman.protocols.env import Env
from dragoman.protocols.errors.body import error_in
from dragoman.protocols.extra import merged, without_none
from dragoman.protocols.json_fields import Fields, refused, wrong_type
from dragoman.protocols.ollama.errors import JSON
from dragoman.protocols.ollama.extra import NAME, to_extra
from dragoman.protocols.ollama.lines import DURATIONS, SECOND
from dragoman.protocols.ollama.relay import request_headers
from dragoman.protocols.operations import (
    EmbedClient,
    EmbedServer,
    beside,
    numbers,
    read_dimensions,
    read_numbers,
    text_of,
    wrong_number,
)
from dragoman.protocols.reported_count import read_count
from dragoman.protocols.request_body import request_body
from dragoman.types import (
    EmbedRequest,
    EmbedResponse,
    HttpRequest,
    HttpResponse,
    ServerRequest,
    ServerResponse,
    Usage,
)
from dragoman.wire import json

EMBED, OLD = "/api/embed", "/api/embeddings"


class OllamaEmbedClient(EmbedClient):
    """Calls `POST {url}/api/embed`."""

    expresses = frozenset({"dimensions", "truncate"})
    loads = True

    def __init__(self, url: str) -> None:
        self._url = f"{url}{EMBED}"

    def encode_request(self, request: EmbedRequest, env: Env) -> HttpRequest:
        said = without_none({"truncate": request.truncate, "dimensions": request.dimensions})
        body = {"model": request.model, "input": [text_of(item) for item in request.inputs]} | said
        data = request_body(merged(body, request.extra.get(NAME, {})))
        return HttpRequest(url=self._url, headers=request_headers(env.key, stream=False), body=data)

    def decode_response(self, reply: HttpResponse, request: EmbedRequest) -> EmbedResponse:
        value = json.decode_floats(reply.body)
        found = value.get("embeddings") if isinstance(value, dict) else None
        if not isinstance(found, list) or len(found) != len(request.inputs):
            raise (None if isinstance(found, list) else error_in(value)) or wrong_number(request)
        count = read_count(value.get("prompt_eval_count"))
        return EmbedResponse(
            vectors=tuple(map(read_numbers, found)),
            usage=None if count is None else Usage(input_tokens=count),
            extra=to_extra(beside(value, "model", "embeddings", "prompt_eval_count")),
            silent=DURATIONS,
        )


class OllamaEmbedServer(EmbedServer):
    """Answers both paths. Without a text only the model is loaded, as the real server does.

    The real server always tells how long it took, so that programs rely on it (ollama-ai-provider-v2, 2026-11-28).
    """

    must_count = True

    def decode_request(self, call: ServerRequest) -> EmbedRequest:
        fields = Fields(json.decode_request(call.body))
        model = fields.text("model") or ""
        if call.path == OLD:
            prompt = fields.text("prompt")
            if not prompt:
                _none_at(fields, "input", f"{OLD} takes `prompt`, and {EMBED} takes this")
            return EmbedRequest(model=model, inputs=(prompt,) if prompt else (), extra=to_extra(fields.rest))
        value, path = fields.any("input"), fields.path("input")
        texts = ([value] if value else []) if isinstance(value, str | None) else value
        if not isinstance(texts, list):
            raise wrong_type(path, "a string or a list of strings", value)
        if not texts:
            _none_at(fields, "prompt", f"{EMBED} takes `input`, and {OLD} takes this")
        for i, text in enumerate(texts):
            if not isinstance(text, str):
                raise wrong_type(f"{path}[{i}]", "a string", text)
        return EmbedRequest(
            model=model,
            inputs=tuple(texts),
            dimensions=read_dimensions(fields),
            truncate=fields.boolean("truncate"),
            extra=to_extra(fields.rest),
        )

    def encode_response(self, response: EmbedResponse, call: ServerRequest, request: EmbedRequest) -> ServerResponse:
        vectors = [numbers(each) for each in response.vectors]
        if call.path == OLD:
            return ServerResponse(headers=JSON, body=json.encode({"embedding": vectors[0] if vectors else []}))
        body: dict[str, Any] = {"model": response.model or request.model, "embeddings": vectors}
        body |= {"total_duration": round(response.seconds * SECOND), "load_duration": 0}
        body |= response.extra.get(NAME, {})
        if response.usage is not None and response.usage.input_tokens is not None:
            body["prompt_eval_count"] = response.usage.input_tokens
        return ServerResponse(headers=JSON, body=json.encode(body))


def _none_at(fields: Fields, name: str, reason: str) -> None:
    """Raises for a text in the field of the other path: it would be no text, and the answer would have no vector."""
    if fields.any(name):
        raise refused(fields.path(name), reason)
