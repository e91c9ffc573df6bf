"""Anthropic's API."""

from datetime import UTC, datetime
from urllib.parse import parse_qsl

from dragoman.client import Client
from dragoman.config import FrontConfig
from dragoman.engine.env import system_env
from dragoman.gateway.fronts.endpoints import AwaitedEndpoint, ChatEndpoint, ImmediateEndpoint, is_clean
from dragoman.gateway.fronts.operations import CountEndpoint
from dragoman.gateway.fronts.table import Front, FrontMaker, Row
from dragoman.gateway.kept_turns import KeptTurns
from dragoman.protocols.anthropic import AnthropicCountServer, AnthropicServer
from dragoman.protocols.anthropic.models import encode_model, encode_models
from dragoman.types import ServerRequest, ServerResponse

MESSAGES = "/v1/messages"
COUNT = f"{MESSAGES}/count_tokens"
MODELS = "/v1/models"

VERSION = b"anthropic-version"
"""The header that all of the vendor's programs send, and no others."""


def anthropic(client: Client, turns: KeptTurns | None) -> Front:
    """The front for Messages, for the tokens of a request, and for the models in the vendor's form."""
    codec = AnthropicServer()
    clean = is_clean(client, FrontConfig(), "clean")
    since = datetime.fromtimestamp(int(system_env().now), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")

    async def models(call: ServerRequest) -> ServerResponse:
        listed = await client.list_models()
        return encode_models(listed, since, client.model_facts(), dict(parse_qsl(call.query)))

    def model(call: ServerRequest) -> ServerResponse:
        name = call.path.removeprefix(f"{MODELS}/")
        client.handler(name)  # raises ModelNotFoundError, which names the nearest
        return encode_model(name, since, client.facts_of(name))

    rows = (
        Row("POST", MESSAGES, ChatEndpoint(client, codec, clean=clean, turns=turns)),
        Row("POST", COUNT, CountEndpoint(client, AnthropicCountServer())),
        Row("GET", MODELS, AwaitedEndpoint(models)),
        Row("GET", f"{MODELS}/{{model}}", ImmediateEndpoint(model)),
    )
    return Front(codec, rows, prefix=MESSAGES, json=True, claims=lambda call: call.header(VERSION) is not None)


ANTHROPIC = FrontMaker(lambda context: (anthropic(context.client, context.turns),))
