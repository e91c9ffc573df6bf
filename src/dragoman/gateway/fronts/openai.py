"""OpenAI's API."""

from dragoman.client import Client
from dragoman.config import FrontConfig
from dragoman.engine.env import system_env
from dragoman.gateway.fronts.endpoints import AwaitedEndpoint, ChatEndpoint, ImmediateEndpoint, is_clean
from dragoman.gateway.fronts.operations import EmbedEndpoint
from dragoman.gateway.fronts.table import Front, FrontMaker, Row
from dragoman.gateway.kept_turns import KeptTurns
from dragoman.protocols.openai_chat import OpenAIChatServer, OpenAICompletionsServer, OpenAIEmbedServer
from dragoman.protocols.openai_chat.models import encode_catalogue, encode_model, encode_models
from dragoman.types import ServerRequest, ServerResponse

CHAT = "/v1/chat/completions"
COMPLETIONS = "/v1/completions"
EMBEDDINGS = "/v1/embeddings"
MODELS = "/v1/models"
CATALOGUE = "client_version="
"""The part of a query by which Codex asks for its own form of a list of models."""


def openai(client: Client, turns: KeptTurns | None) -> Front:
    """The front that also answers for all paths that belong to no front."""
    codec = OpenAIChatServer()
    since = int(system_env().now)
    clean = is_clean(client, FrontConfig(), "clean")

    async def models(call: ServerRequest) -> ServerResponse:
        if any(part.startswith(CATALOGUE) for part in call.query.split("&")):
            return encode_catalogue()
        listed = await client.list_models()
        return encode_models(listed, since, client.model_facts())

    def model(call: ServerRequest) -> ServerResponse:
        name = call.path.removeprefix(f"{MODELS}/")
        client.handler(name)  # raises ModelNotFoundError, which names the nearest
        return encode_model(name, since, client.facts_of(name))

    rows = (
        Row("POST", CHAT, ChatEndpoint(client, codec, clean=clean, turns=turns)),
        Row("POST", COMPLETIONS, ChatEndpoint(client, OpenAICompletionsServer(), clean=clean)),
        Row("POST", EMBEDDINGS, EmbedEndpoint(client, OpenAIEmbedServer(), codec.name)),
        Row("GET", MODELS, AwaitedEndpoint(models)),
        Row("GET", f"{MODELS}/{{model}}", ImmediateEndpoint(model)),
    )
    return Front(codec, rows, json=True, rest=True)


OPENAI = FrontMaker(lambda context: (openai(context.client, context.turns),))
