"""Ollama's API."""

from collections.abc import Awaitable

from msgspec.structs import replace

from dragoman.client import Client
from dragoman.config import FrontConfig
from dragoman.engine.answer import Handler
from dragoman.engine.env import system_env
from dragoman.gateway.fronts.endpoints import AwaitedEndpoint, ChatEndpoint, ImmediateEndpoint, is_clean
from dragoman.gateway.fronts.operations import EmbedEndpoint
from dragoman.gateway.fronts.table import Front, FrontMaker, Row
from dragoman.gateway.http.response_writer import ResponseWriter
from dragoman.gateway.kept_turns import KeptTurns
from dragoman.protocols.ollama import NAME, OllamaEmbedServer, OllamaServer
from dragoman.protocols.ollama.models import (
    encode_running,
    encode_show,
    encode_tags,
    encode_version,
    shown_model,
)
from dragoman.types import ChatRequest, ModelProfile, ServerRequest, ServerResponse


class OllamaEndpoint(ChatEndpoint):
    """Answers chats; a request without messages only asks for the model to be loaded, which means nothing elsewhere."""

    codec: OllamaServer

    def answer(self, request: ChatRequest, handler: Handler, writer: ResponseWriter) -> Awaitable[None]:
        if request.messages or any(each.relay(NAME) for each in self.client.plan(request.model).targets):
            return super().answer(request, handler, writer)
        request = replace(request, model=request.model or self.client.default_model)
        writer.outcome.model = request.model
        return writer.send(self.codec.encode_loaded(request, system_env()))


def ollama(client: Client, turns: KeptTurns | None) -> Front:
    """The front below `/api`."""
    codec = OllamaServer()
    since = int(system_env().now)
    chat = OllamaEndpoint(client, codec, clean=is_clean(client, FrontConfig(), "clean"), turns=turns)

    embed = EmbedEndpoint(client, OllamaEmbedServer(), codec.name)

    async def tags(call: ServerRequest) -> ServerResponse:
        return encode_tags(await client.list_models(), since)

    def show(call: ServerRequest) -> ServerResponse:
        target = client.plan(shown_model(call)).targets[0].name  # raises ModelNotFoundError, which names the nearest
        return encode_show(_profile(client, target), client.facts_of(target).context, since)

    rows = (
        Row("POST", "/api/chat", chat),
        Row("POST", "/api/generate", chat),
        Row("POST", "/api/embed", embed),
        Row("POST", "/api/embeddings", embed),
        Row("GET", "/api/tags", AwaitedEndpoint(tags)),
        Row("POST", "/api/show", ImmediateEndpoint(show)),
        Row("GET", "/api/ps", ImmediateEndpoint(lambda call: encode_running())),
        Row("GET", "/api/version", ImmediateEndpoint(lambda call: encode_version())),
    )
    return Front(codec, rows, prefix="/api")


def _profile(client: Client, target: str) -> ModelProfile:
    """What is known of the family of a target's model."""
    provider, _, model = target.partition("/")
    return client.providers[provider].families.profile_of(model)


OLLAMA = FrontMaker(lambda context: (ollama(context.client, context.turns),))
