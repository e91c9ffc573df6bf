"""The list of models, in OpenAI's shape. https://platform.openai.com/docs/api-reference/models"""

from dragoman.client import Client
from dragoman.errors import ModelNotFoundError, nearest
from dragoman.types import Headers, HttpAnswer
from dragoman.wire import json

JSON: Headers = (("content-type", "application/json"),)
OWNER = "dragoman"
"""Whose a route is; any other model is its provider's."""


def the_models(client: Client, since: int) -> HttpAnswer:
    """All names that are known. `since`: when they came to be offered here, in seconds since 1970."""
    return _ok({"object": "list", "data": [_model(name, since) for name in client.models()]})


def one_model(client: Client, name: str, since: int) -> HttpAnswer:
    """One of them. Raises ModelNotFoundError that names the nearest."""
    if name not in client.models():
        raise ModelNotFoundError(f"there is no model {name!r}{nearest(name, client.models())}")
    return _ok(_model(name, since))


def _model(name: str, since: int) -> dict[str, object]:
    provider, slash, _ = name.partition("/")
    return {"id": name, "object": "model", "created": since, "owned_by": provider if slash else OWNER}


def _ok(value: object) -> HttpAnswer:
    return HttpAnswer(headers=JSON, body=json.encode(value))
