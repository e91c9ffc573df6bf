"""Lists of models, read and written. https://platform.openai.com/docs/api-reference/models"""

from collections.abc import Iterable
from typing import Any

from dragoman.errors import BadEventError
from dragoman.protocols.openai_chat.errors import failure_in, reported
from dragoman.types import Headers, HttpRequest, HttpResponse, ServerResponse
from dragoman.wire import json

MAX_MODELS = 10_000
"""Names that are read of a list; OpenRouter, which resells most services' models, lists some hundreds."""

MAX_NAME = 200
"""Characters of a name; one that is longer, or has characters that no name has, is left out."""

JSON: Headers = (("content-type", "application/json"),)

OWNER = "dragoman"
"""The owner of a route; the owner of any other model is its provider."""


def models_request(url: str, key: str | None) -> HttpRequest:
    """Asks the service at `url` for its models."""
    headers = [("accept", "application/json")]
    if key:
        headers.append(("authorization", f"Bearer {key}"))
    return HttpRequest(method="GET", url=f"{url.rstrip('/')}/models", headers=tuple(headers))


def decode_models(reply: HttpResponse) -> tuple[str, ...]:
    """The names, each once. Raises BadEventError, or the error that the service reports.

    `{"data": [{"id": …}]}`; some services (Together) leave the list bare.
    """
    names = (entry.get("id") for entry in _entries(reply))
    return tuple(dict.fromkeys(name for name in names if isinstance(name, str) and _is_name(name)))


def decode_owners(reply: HttpResponse) -> frozenset[str]:
    """Who owns the models, as the same list says: programs write their own name there. Raises the same."""
    owners = (entry.get("owned_by") for entry in _entries(reply))
    return frozenset(owner for owner in owners if isinstance(owner, str))


def encode_models(names: Iterable[str], since: int) -> ServerResponse:
    """A list for a caller. `since`: when the models were first offered, in seconds since 1970."""
    return _ok({"object": "list", "data": [_model(name, since) for name in names]})


def encode_catalogue() -> ServerResponse:
    """Codex's form of a list, with no model: an entry would rule its tools, and without one it keeps its own table."""
    return _ok({"models": []})


def encode_model(name: str, since: int) -> ServerResponse:
    """One model of such a list."""
    return _ok(_model(name, since))


def _model(name: str, since: int) -> dict[str, object]:
    provider, slash, _ = name.partition("/")
    return {"id": name, "object": "model", "created": since, "owned_by": provider if slash else OWNER}


def _ok(value: object) -> ServerResponse:
    return ServerResponse(headers=JSON, body=json.encode(value))


def _entries(reply: HttpResponse) -> list[dict[str, Any]]:
    value = json.decode_event(reply.body)
    entries = value.get("data") if isinstance(value, dict) else value
    if not isinstance(entries, list):
        failure = failure_in(value)
        raise BadEventError("expected a list of models, got something else") if failure is None else reported(failure)
    return [entry for entry in entries[:MAX_MODELS] if isinstance(entry, dict)]


def _is_name(text: str) -> bool:
    return 0 < len(text) <= MAX_NAME and text.isprintable() and " " not in text
