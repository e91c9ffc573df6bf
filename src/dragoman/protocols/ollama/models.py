"""Lists of models and descriptions of one, read and written. https://github.com/ollama/ollama/blob/main/docs/api.md"""

from collections.abc import Iterable
from hashlib import sha256

from dragoman.errors import BadEventError
from dragoman.protocols.carrier import BEARER
from dragoman.protocols.errors.body import error_in
from dragoman.protocols.extra import without_none
from dragoman.protocols.json_fields import Fields, refused
from dragoman.protocols.listed_names import listed_names
from dragoman.protocols.ollama.encode_stream import spelt
from dragoman.protocols.ollama.errors import JSON
from dragoman.types import HttpRequest, HttpResponse, ModelProfile, ServerRequest, ServerResponse
from dragoman.wire import json

MAX_MODELS = 10_000
"""Names that are read of a list."""

VERSION = "0.17.4"
"""The version of the server whose answers ours are like. Programs refuse one that is too old for them."""

FAMILY = "dragoman"
"""Stands for the architecture of a model, of which nothing is known here."""


def tags_request(url: str, key: str | None) -> HttpRequest:
    """Asks the service at `url` for its models."""
    headers = (("accept", "application/json"), *BEARER.headers(key))
    return HttpRequest(method="GET", url=f"{url.rstrip('/')}/api/tags", headers=headers)


def decode_tags(reply: HttpResponse) -> tuple[str, ...]:
    """The names, each once. Raises BadEventError, or the error that the service reports."""
    value = json.decode_event(reply.body)
    entries = value.get("models") if isinstance(value, dict) else None
    if not isinstance(entries, list):
        raise error_in(value) or BadEventError("expected a list of models, got something else")
    found = (entry for entry in entries[:MAX_MODELS] if isinstance(entry, dict))
    return listed_names(entry.get("name") or entry.get("model") for entry in found)


def encode_tags(names: Iterable[str], since: int) -> ServerResponse:
    """A list for a caller. `since`: when the models were first offered, in seconds since 1970."""
    return _ok({"models": [_model(name, since) for name in names]})


def encode_running() -> ServerResponse:
    """The models that are in a machine's memory: none is known to be."""
    return _ok({"models": []})


def encode_version() -> ServerResponse:
    """The version of the protocol."""
    return _ok({"version": VERSION})


def shown_model(call: ServerRequest) -> str:
    """The model that a caller asks about. Raises InvalidRequestError."""
    fields = Fields(json.decode_request(call.body))
    name = fields.text("model") or fields.text("name")
    if not name:
        raise refused("model", "expected a name, got none")
    return name


def encode_show(profile: ModelProfile, context: int | None, since: int) -> ServerResponse:
    """What is known of one model; `context`: the tokens that it holds, without which programs take their own number."""
    can = ["completion"]
    if profile.tools is not False:
        can.append("tools")
    if profile.images:
        can.append("vision")
    if profile.efforts:
        can.append("thinking")
    return _ok(
        {
            "modelfile": "",
            "parameters": "",
            "template": "",
            "details": _details(),
            "model_info": without_none({"general.architecture": FAMILY, f"{FAMILY}.context_length": context}),
            "capabilities": can,
            "modified_at": spelt(since),
        }
    )


def _model(name: str, since: int) -> dict[str, object]:
    return {
        "name": name,
        "model": name,
        "modified_at": spelt(since),
        # Nothing is stored here; but programs cut the digest to twelve characters, or tell models by it.
        "size": 0,
        "digest": sha256(name.encode("utf-8", "replace")).hexdigest(),
        "details": _details(),
    }


def _details() -> dict[str, object]:
    return {
        "parent_model": "",
        "format": "",
        "family": FAMILY,
        "families": [FAMILY],
        "parameter_size": "",
        "quantization_level": "",
    }


def _ok(value: object) -> ServerResponse:
    return ServerResponse(headers=JSON, body=json.encode(value))
