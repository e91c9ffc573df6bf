"""Lists of models, read and written. https://ai.google.dev/api/models"""

from collections.abc import Mapping, Sequence

from dragoman.errors import BadEventError
from dragoman.protocols.extra import without_none
from dragoman.protocols.gemini.errors import JSON, failure_in, reported
from dragoman.protocols.gemini.relay import GOOGLE_KEY
from dragoman.protocols.listed_names import listed_names
from dragoman.protocols.listed_page import page
from dragoman.types import HttpRequest, HttpResponse, ModelFacts, ServerResponse
from dragoman.types.model_facts import known_size
from dragoman.wire import json

MAX_MODELS = 1000
"""Names that are read of a list, in one page: the most that the service gives."""

PREFIX = "models/"
METHODS = ["generateContent", "streamGenerateContent", "countTokens"]
GENERATE = METHODS[0]


def models_request(url: str, key: str | None) -> HttpRequest:
    """Asks the service at `url` for its models."""
    headers = (("accept", "application/json"), *GOOGLE_KEY.headers(key))
    address = f"{url.rstrip('/')}/v1beta/models?pageSize={MAX_MODELS}"
    return HttpRequest(method="GET", url=address, headers=headers)


def decode_models(reply: HttpResponse) -> tuple[str, ...]:
    """The names of the models that chat, each once. Raises BadEventError, or the error that the service reports."""
    return listed_names(map(_name, _entries(reply)))


def decode_facts(reply: HttpResponse) -> dict[str, ModelFacts]:
    """What the same list says of them, by name. Raises the same."""
    return {
        name: ModelFacts(
            context=known_size(entry.get("inputTokenLimit")), max_output=known_size(entry.get("outputTokenLimit"))
        )
        for entry in _entries(reply)
        if (name := _name(entry)) is not None
    }


def encode_models(names: Sequence[str], facts: Mapping[str, ModelFacts], asked: Mapping[str, str]) -> ServerResponse:
    """The list that a caller's query asks for. Raises InvalidRequestError."""
    found, more = page(names, asked, "pageSize", "pageToken")
    models = [_model(name, facts.get(name, ModelFacts())) for name in found]
    return _ok({"models": models} | ({"nextPageToken": found[-1]} if more else {}))


def encode_model(name: str, facts: ModelFacts) -> ServerResponse:
    """One model of such a list."""
    return _ok(_model(name, facts))


def _entries(reply: HttpResponse) -> list[dict[str, object]]:
    value = json.decode_event(reply.body)
    entries = value.get("models") if isinstance(value, dict) else None
    if not isinstance(entries, list):
        failure = failure_in(value)
        raise BadEventError("expected a list of models, got something else") if failure is None else reported(failure)
    return [entry for entry in entries[:MAX_MODELS] if isinstance(entry, dict)]


def _name(entry: dict[str, object]) -> str | None:
    name, methods = entry.get("name"), entry.get("supportedGenerationMethods")
    if not isinstance(name, str) or (isinstance(methods, list) and GENERATE not in methods):
        return None
    return name.removeprefix(PREFIX)


def _model(name: str, facts: ModelFacts) -> dict[str, object]:
    sizes = without_none({"inputTokenLimit": facts.context, "outputTokenLimit": facts.max_output})
    return {"name": f"{PREFIX}{name}", "displayName": name, "supportedGenerationMethods": METHODS} | sizes


def _ok(value: object) -> ServerResponse:
    return ServerResponse(headers=JSON, body=json.encode(value))
