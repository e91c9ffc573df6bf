"""OpenAI's API, at its own paths and at Azure's."""

from dragoman.client import Client
from dragoman.config import FrontConfig
from dragoman.engine.env import system_env
from dragoman.gateway.fronts.endpoints import AwaitedEndpoint, ChatEndpoint, ImmediateEndpoint, is_clean
from dragoman.gateway.fronts.operations import EmbedEndpoint
from dragoman.gateway.fronts.table import Front, FrontMaker, Row
from dragoman.gateway.kept_turns import KeptTurns
from dragoman.protocols.openai_chat import OpenAIChatServer, OpenAICompletionsServer, OpenAIEmbedServer
from dragoman.protocols.openai_chat.deployments import (
    DEPLOYMENTS,
    DeployedChatServer,
    DeployedCompletionsServer,
    DeployedEmbedServer,
)
from dragoman.protocols.openai_chat.models import encode_catalogue, encode_model, encode_models
from dragoman.types import ServerRequest, ServerResponse

OWN = "/v1"
CHAT = f"{OWN}/chat/completions"
AZURE = "/openai"
AZURE_OWN = f"{AZURE}{OWN}"
"""Azure's paths without a deployment, which are OpenAI's own."""
CATALOGUE = "client_version="
"""The part of a query by which Codex asks for its own form of a list of models."""

Codecs = tuple[OpenAIChatServer, OpenAICompletionsServer, OpenAIEmbedServer]
"""Those of chats, of texts to be completed, and of embeddings."""


def openai(client: Client, turns: KeptTurns | None) -> tuple[Front, Front]:
    """The front that also answers for all paths that belong to no front, and the one of Azure's paths."""
    codec = OpenAIChatServer()
    since = int(system_env().now)
    clean = is_clean(client, FrontConfig(), "clean")

    async def models(call: ServerRequest) -> ServerResponse:
        if any(part.startswith(CATALOGUE) for part in call.query.split("&")):
            return encode_catalogue()
        listed = await client.list_models()
        return encode_models(listed, since, client.model_facts())

    def model(call: ServerRequest) -> ServerResponse:
        name = call.path.partition("/models/")[2]
        client.handler(name)  # raises ModelNotFoundError, which names the nearest
        return encode_model(name, since, client.facts_of(name))

    def listed(base: str) -> tuple[Row, ...]:
        path = f"{base}/models"
        return (Row("GET", path, AwaitedEndpoint(models)), Row("GET", f"{path}/{{model}}", ImmediateEndpoint(model)))

    def asked(codecs: Codecs, *bases: str) -> tuple[Row, ...]:
        chats, texts, vectors = codecs
        endpoints = {
            "chat/completions": ChatEndpoint(client, chats, clean=clean, turns=turns),
            "completions": ChatEndpoint(client, texts, clean=clean),
            "embeddings": EmbedEndpoint(client, vectors, codec.name),
        }
        return tuple(Row("POST", f"{base}/{last}", each) for base in bases for last, each in endpoints.items())

    own = (codec, OpenAICompletionsServer(), OpenAIEmbedServer())
    deployed = (DeployedChatServer(), DeployedCompletionsServer(), DeployedEmbedServer())
    azure = (
        *asked(own, AZURE_OWN),
        *listed(AZURE_OWN),
        *asked(deployed, f"{DEPLOYMENTS}{{model}}", DEPLOYMENTS),
        *listed(AZURE),
    )
    return (
        Front(codec, (*asked(own, OWN), *listed(OWN)), json=True, rest=True),
        Front(codec, azure, prefix=AZURE, json=True),
    )


OPENAI = FrontMaker(lambda context: openai(context.client, context.turns))
