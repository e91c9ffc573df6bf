"""Lists of models, read and written. https://platform.openai.com/docs/api-reference/models"""

from collections.abc import Iterable, Mapping
from typing import Any

from dragoman.errors import BadEventError
from dragoman.protocols.carrier import BEARER
from dragoman.protocols.extra import without_none
from dragoman.protocols.listed_names import listed_names
from dragoman.protocols.openai_chat.errors import failure_in, reported
from dragoman.types import HttpRequest, HttpResponse, ModelFacts, ServerResponse
from dragoman.types.http import JSON
from dragoman.types.model_facts import known_price, known_size
from dragoman.wire import json

MAX_MODELS = 10_000
"""Names that are read of a list; OpenRouter, which resells most services' models, lists some hundreds."""

CONTEXT = ("context_length", "context_window", "max_context_length", "max_model_len")
"""Where a list has the size of the context: OpenRouter and Together, Groq, Mistral, vLLM.
https://openrouter.ai/docs/models, https://docs.together.ai/reference/models-1,
https://console.groq.com/docs/api-reference#models-list, https://docs.mistral.ai/api/#tag/models"""

MOST_OUTPUT = "max_completion_tokens"
"""Where it has the size of the longest answer."""

MILLION = 1_000_000

OWNER = "dragoman"
"""The owner of a route; the owner of any other model is its provider."""


def models_request(url: str, key: str | None) -> HttpRequest:
    """Asks the service at `url` for its models."""
    headers = (("accept", "application/json"), *BEARER.headers(key))
    return HttpRequest(method="GET", url=f"{url.rstrip('/')}/models", headers=headers)


def decode_models(reply: HttpResponse) -> tuple[str, ...]:
    """The names, each once. Raises BadEventError, or the error that the service reports.

    `{"data": [{"id": …}]}`; some services leave the list bare (Together), call it `models`, have a `name` in place of
    the id, or names in place of the objects.
    """
    return listed_names(map(_name, _entries(reply)))


def decode_facts(reply: HttpResponse) -> dict[str, ModelFacts]:
    """What the same list says of the models, by name. OpenAI's own says nothing. Raises the same."""
    return {str(_name(entry)): _facts(entry) for entry in _entries(reply)}


def decode_owners(reply: HttpResponse) -> frozenset[str]:
    """Who owns the models, as the same list says: programs write their own name there. Raises the same."""
    owners = (entry.get("owned_by") for entry in _entries(reply))
    return frozenset(owner for owner in owners if isinstance(owner, str))


def encode_models(names: Iterable[str], since: int, facts: Mapping[str, ModelFacts]) -> ServerResponse:
    """A list for a caller. `since`: when the models were first offered, in seconds since 1970."""
    return _ok({"object": "list", "data": [_model(name, since, facts.get(name, ModelFacts())) for name in names]})


def encode_catalogue() -> ServerResponse:
    """Codex's form of a list, with no model: an entry would rule its tools, and without one it keeps its own table."""
    return _ok({"models": []})


def encode_model(name: str, since: int, facts: ModelFacts) -> ServerResponse:
    """One model of such a list."""
    return _ok(_model(name, since, facts))


def _model(name: str, since: int, facts: ModelFacts) -> dict[str, object]:
    """A model, with its sizes if they are known, which OpenAI's own list does not say: in OpenRouter's words."""
    provider, slash, _ = name.partition("/")
    known = {"id": name, "object": "model", "created": since, "owned_by": provider if slash else OWNER}
    return known | without_none({CONTEXT[0]: facts.context, MOST_OUTPUT: facts.max_output})


def _ok(value: object) -> ServerResponse:
    return ServerResponse(headers=JSON, body=json.encode(value))


def _entries(reply: HttpResponse) -> list[dict[str, Any]]:
    value = json.decode_event(reply.body)
    lists = [value.get("data"), value.get("models")] if isinstance(value, dict) else [value]
    entries = next((each for each in lists if isinstance(each, list)), None)
    if entries is None:
        failure = failure_in(value)
        raise BadEventError("expected a list of models, got something else") if failure is None else reported(failure)
    listed = ({"id": entry} if isinstance(entry, str) else entry for entry in entries[:MAX_MODELS])
    return [entry for entry in listed if isinstance(entry, dict)]


def _name(entry: dict[str, Any]) -> object:
    return entry.get("id") or entry.get("name")


def _facts(entry: dict[str, Any]) -> ModelFacts:
    pricing, top = entry.get("pricing"), entry.get("top_provider")
    pricing, top = pricing if isinstance(pricing, dict) else {}, top if isinstance(top, dict) else {}
    if "prompt" in pricing:  # OpenRouter: text, in dollars for one token; negative if it depends
        prices = [_scaled(pricing.get(name)) for name in ("prompt", "completion")]
    elif not pricing.get("hourly"):  # Together: numbers, in dollars for a million; or by the hour
        prices = [known_price(pricing.get(name)) for name in ("input", "output")]
    else:
        prices = [None, None]
    return ModelFacts(
        context=next((size for name in CONTEXT if (size := known_size(entry.get(name)))), None),
        max_output=known_size(entry.get(MOST_OUTPUT)) or known_size(top.get(MOST_OUTPUT)),
        input_price=prices[0],
        output_price=prices[1],
    )


def _scaled(price: object) -> float | None:
    """A price of one token, in text, as one of a million."""
    try:
        found = known_price(float(price)) if isinstance(price, str) else None
    except ValueError:
        return None
    return None if found is None else round(found * MILLION, 6)
