"""The list of models, in OpenAI's shape. https://platform.openai.com/docs/api-reference/models"""

from dragoman.client import Client
from dragoman.errors import ModelNotFoundError
from dragoman.types import Headers, ServerResponse
from dragoman.wire import json

JSON: Headers = (("content-type", "application/json"),)
OWNER = "dragoman"
"""Whose a route is; any other model is its provider's."""


async def the_models(client: Client, since: int) -> ServerResponse:
    """All names that are known or that services list. `since`: when they were first offered, in seconds since 1970."""
    return _ok({"object": "list", "data": [_model(name, since) for name in await client.list_models()]})


def one_model(client: Client, name: str, since: int) -> ServerResponse:
    """One that may be asked for, listed or not. Raises ModelNotFoundError that names the nearest."""
    if not name:
        raise ModelNotFoundError("expected the name of a model, got nothing")
    client.handler(name)
    return _ok(_model(name, since))


def _model(name: str, since: int) -> dict[str, object]:
    provider, slash, _ = name.partition("/")
    return {"id": name, "object": "model", "created": since, "owned_by": provider if slash else OWNER}


def _ok(value: object) -> ServerResponse:
    return ServerResponse(headers=JSON, body=json.encode(value))
