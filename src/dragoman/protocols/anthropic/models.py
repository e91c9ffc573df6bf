"""Lists of models, read and written. https://platform.claude.com/docs/en/api/models-list"""

from collections.abc import Mapping, Sequence

from dragoman.errors import BadEventError
from dragoman.protocols.anthropic.errors import failure_in, reported
from dragoman.protocols.anthropic.request import FIRST_VERSION, X_API_KEY
from dragoman.protocols.extra import without_none
from dragoman.protocols.listed_names import listed_names
from dragoman.protocols.listed_page import page
from dragoman.types import HttpRequest, HttpResponse, ModelFacts, ServerResponse
from dragoman.types.http import JSON
from dragoman.types.model_facts import known_size
from dragoman.wire import json

ACTIVE = "active"
"""The stage of a model that can be asked, as all that are listed: callers' types require one."""

MAX_MODELS = 1000
"""Names that are read of a list: the service gives so many at most."""


def models_request(url: str, key: str | None) -> HttpRequest:
    """Asks the service at `url` for its models."""
    headers = (("accept", "application/json"), ("anthropic-version", FIRST_VERSION), *X_API_KEY.headers(key))
    return HttpRequest(method="GET", url=f"{url.rstrip('/')}/v1/models?limit={MAX_MODELS}", headers=headers)


def decode_models(reply: HttpResponse) -> tuple[str, ...]:
    """The names, each once. Raises BadEventError, or the error that the service reports."""
    return listed_names(entry.get("id") for entry in _entries(reply))


def decode_facts(reply: HttpResponse) -> dict[str, ModelFacts]:
    """What the same list says of them, by name. Raises the same."""
    return {
        str(entry.get("id")): ModelFacts(
            context=known_size(entry.get("max_input_tokens")), max_output=known_size(entry.get("max_tokens"))
        )
        for entry in _entries(reply)
    }


def _entries(reply: HttpResponse) -> list[dict[str, object]]:
    value = json.decode_event(reply.body)
    found = value.get("data") if isinstance(value, dict) else None
    if not isinstance(found, list):
        raise (
            BadEventError("expected a list of models, got something else")
            if failure_in(value) is None
            else reported(value)
        )
    return [entry for entry in found[:MAX_MODELS] if isinstance(entry, dict)]


def encode_models(
    names: Sequence[str], since: str, facts: Mapping[str, ModelFacts], asked: Mapping[str, str]
) -> ServerResponse:
    """The list that a caller's query asks for. `since`: when the models were first offered, as RFC 3339 writes it.

    Raises InvalidRequestError.
    """
    found, more = page(names, asked, "limit", "after_id", "before_id")
    models = [_model(name, since, facts.get(name, ModelFacts())) for name in found]
    first, last = (found[0], found[-1]) if found else (None, None)
    return _ok({"data": models, "has_more": more, "first_id": first, "last_id": last})


def encode_model(name: str, since: str, facts: ModelFacts) -> ServerResponse:
    """One model of such a list."""
    return _ok(_model(name, since, facts))


def _model(name: str, since: str, facts: ModelFacts) -> dict[str, object]:
    sizes = without_none({"max_input_tokens": facts.context, "max_tokens": facts.max_output})
    known = {"type": "model", "id": name, "display_name": name, "created_at": since, "lifecycle": ACTIVE}
    return known | sizes


def _ok(value: object) -> ServerResponse:
    return ServerResponse(headers=JSON, body=json.encode(value))
