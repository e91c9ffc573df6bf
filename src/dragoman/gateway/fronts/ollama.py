"""Ollama's API."""

from dragoman.client import Client
from dragoman.config import FrontConfig
from dragoman.engine.env import system_env
from dragoman.gateway.fronts.endpoints import AwaitedEndpoint, ChatEndpoint, ImmediateEndpoint, is_clean
from dragoman.gateway.fronts.table import Front, FrontMaker, Row
from dragoman.protocols.ollama import OllamaServer
from dragoman.protocols.ollama.models import encode_running, encode_show, encode_tags, encode_version, shown_model
from dragoman.types import ModelProfile, ServerRequest, ServerResponse


def ollama(client: Client) -> Front:
    """The front below `/api`."""
    codec = OllamaServer()
    since = int(system_env().now)
    chat = ChatEndpoint(client, codec, clean=is_clean(client, FrontConfig(), "clean"))

    async def tags(call: ServerRequest) -> ServerResponse:
        return encode_tags(await client.list_models(), since)

    def show(call: ServerRequest) -> ServerResponse:
        return encode_show(_profile(client, shown_model(call)), since)

    rows = (
        Row("POST", "/api/chat", chat),
        Row("POST", "/api/generate", chat),
        Row("GET", "/api/tags", AwaitedEndpoint(tags)),
        Row("POST", "/api/show", ImmediateEndpoint(show)),
        Row("GET", "/api/ps", ImmediateEndpoint(lambda call: encode_running())),
        Row("GET", "/api/version", ImmediateEndpoint(lambda call: encode_version())),
    )
    return Front(codec, rows, prefix="/api")


def _profile(client: Client, name: str) -> ModelProfile:
    """What is known of the first target of a model. Raises ModelNotFoundError."""
    provider, _, model = client.plan(name).targets[0].name.partition("/")
    return client.providers[provider].families.profile_of(model)


OLLAMA = FrontMaker(lambda context: (ollama(context.client),))
