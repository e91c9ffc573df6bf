"""The half that calls a service."""

from collections.abc import Iterable

from msgspec.structs import replace

from dragoman.errors import DragomanError
from dragoman.protocols.base import ClientCodec
from dragoman.protocols.decoder import Decoder
from dragoman.protocols.env import Env
from dragoman.protocols.errors.body import decode_failure
from dragoman.protocols.ollama.decode_stream import ReplyDecoder
from dragoman.protocols.ollama.embeddings import OllamaEmbedClient
from dragoman.protocols.ollama.extra import NAME
from dragoman.protocols.ollama.generate import encode_generate, is_generate
from dragoman.protocols.ollama.nearest import changed, unspoken
from dragoman.protocols.ollama.relay import CHAT, GENERATE, OllamaRelay, request_headers
from dragoman.protocols.ollama.request import encode_chat
from dragoman.protocols.ollama.thinking import fitted_thinking
from dragoman.protocols.request_body import request_body
from dragoman.protocols.speech import ANYWHERE
from dragoman.types import ChangedField, ChatRequest, HttpRequest, HttpResponse, Loss, ModelProfile, SchemaSupport

EXPRESSES = frozenset(
    {
        "tools",
        "response_format",
        "max_output_tokens",
        "temperature",
        "top_p",
        "top_k",
        "frequency_penalty",
        "presence_penalty",
        "stop",
        "seed",
        "reasoning.mode",
        "reasoning.effort",
        "reasoning.budget_tokens",
        "top_logprobs",
        "truncate",
        "text",
        "refusal",
        "reasoning",
        "image",
        "image.data",
        "tool_call",
        "tool_result",
        "tool_result.image",
        f"unknown.{NAME}",
        ANYWHERE,
    }
)


NO_REFERENCES = SchemaSupport(limits=frozenset({"references"}))
"""The server reads a property of a tool into fields of its own, of which none is a reference: the model would get one
without a type. https://github.com/ollama/ollama/blob/main/api/types.go (0.17, 2026-11-26)"""


class OllamaClient(ClientCodec):
    """Calls `POST {url}/api/chat`, and `/api/generate` for what only that path takes."""

    name = NAME
    expresses = EXPRESSES
    schema_support = NO_REFERENCES

    def __init__(self, url: str) -> None:
        self._url = url.rstrip("/")
        self.relay = OllamaRelay(self._url)
        self.embeddings = OllamaEmbedClient(self._url)

    def changed(self, request: ChatRequest) -> Iterable[Loss]:
        return changed(request)

    def losses(self, request: ChatRequest, profile: ModelProfile) -> tuple[Loss, ...]:
        found = super().losses(unspoken(request), profile)
        config = request.reasoning
        if config is None or fitted_thinking(config, levels=profile.thinking_levels) is config:
            return found
        effort = ChangedField("reasoning.effort")
        return found if effort in found else (*found, effort)

    def fit(self, request: ChatRequest, profile: ModelProfile) -> ChatRequest:
        if request.reasoning is not None:
            config = fitted_thinking(request.reasoning, levels=profile.thinking_levels)
            request = replace(request, reasoning=config)
        return super().fit(request, profile)

    def encode_request(self, request: ChatRequest, env: Env) -> HttpRequest:
        generate = is_generate(request)
        body = encode_generate(request) if generate else encode_chat(request)
        data = request_body(body)
        url = f"{self._url}{GENERATE if generate else CHAT}"
        return HttpRequest(url=url, headers=request_headers(env.key, stream=True), body=data)

    def decoder(self, request: ChatRequest) -> Decoder:
        return ReplyDecoder(request)

    def decode_error(self, reply: HttpResponse) -> DragomanError:
        return decode_failure(reply)
