"""Embeddings. https://ai.google.dev/api/embeddings"""

from typing import Any

from dragoman.error_words import cut
from dragoman.protocols.env import Env
from dragoman.protocols.extra import merged, without_none
from dragoman.protocols.gemini import numbered
from dragoman.protocols.gemini.errors import JSON, failure_in, reported
from dragoman.protocols.gemini.extra import NAME, to_extra
from dragoman.protocols.gemini.names import camel
from dragoman.protocols.gemini.numbered import word
from dragoman.protocols.gemini.relay import GOOGLE_KEY, MODELS, TUNED, model_and_method, path_of
from dragoman.protocols.gemini.usage import SAYABLE, decode_usage, encode_usage
from dragoman.protocols.json_fields import Fields, refused, wrong_type
from dragoman.protocols.operations import (
    EmbedClient,
    EmbedServer,
    beside,
    numbers,
    read_dimensions,
    read_numbers,
    text_of,
    wrong_number,
)
from dragoman.protocols.request_body import request_body
from dragoman.protocols.speech import OURS
from dragoman.types import (
    EmbedRequest,
    EmbedResponse,
    HttpRequest,
    HttpResponse,
    ServerRequest,
    ServerResponse,
)
from dragoman.wire import json

USAGE = "usageMetadata"
BATCH, ONE = "batchEmbedContents", "embedContent"
MAX_INPUTS = 100
"""Texts of one request: the service's own limit."""

TASKS: dict[str, str] = {
    "RETRIEVAL_QUERY": "search_query",
    "RETRIEVAL_DOCUMENT": "search_document",
    "SEMANTIC_SIMILARITY": "similarity",
    "CLASSIFICATION": "classification",
    "CLUSTERING": "clustering",
}
CONFIG = "embedContentConfig"
SETTINGS = ("taskType", "title", "outputDimensionality", "autoTruncate")
"""Fields beside the content, which programs for Vertex AI write into CONFIG. https://docs.cloud.google.com/php/docs/
reference/cloud-ai-platform/latest/V1.EmbedContentRequest, googleapis/python-genai (google/genai/models.py), seen
2026-11-29"""
PARTED = f"{NAME}.parts"
"""The note of texts that came in several parts, from the whole text to its parts. google-genai makes one text of a
list, with a part for each, for newer models."""
UNSAID = "TASK_TYPE_UNSPECIFIED"
"""The word for no task."""
NATIVE_TASKS = {ours: theirs for theirs, ours in TASKS.items()}


class GeminiEmbedClient(EmbedClient):
    """Calls `POST {url}/v1beta/models/M:batchEmbedContents`."""

    expresses = frozenset({"dimensions", "task", "title"})
    most = MAX_INPUTS

    def __init__(self, url: str) -> None:
        self._url = url

    def encode_request(self, request: EmbedRequest, env: Env) -> HttpRequest:
        headers = GOOGLE_KEY.json_headers(env.key, "application/json")
        settings = {
            "taskType": None if request.task is None else NATIVE_TASKS.get(request.task, request.task),
            "title": request.title,
            "outputDimensionality": request.dimensions,
        }
        model = request.model if request.model.startswith((MODELS, TUNED)) else f"{MODELS}{request.model}"
        said = merged({"model": model} | without_none(settings), request.extra.get(NAME, {}))
        body = {"requests": [said | {"content": {"parts": parts_of(item, request)}} for item in request.inputs]}
        return HttpRequest(url=f"{self._url}/v1beta/{path_of(model)}:{BATCH}", headers=headers, body=request_body(body))

    def decode_response(self, reply: HttpResponse, request: EmbedRequest) -> EmbedResponse:
        value = json.decode_floats(reply.body)
        found = value.get("embeddings") if isinstance(value, dict) else None
        if not isinstance(found, list) or len(found) != len(request.inputs):
            failure = None if isinstance(found, list) else failure_in(value)
            raise wrong_number(request) if failure is None else reported(failure)
        report = value.get(USAGE)
        return EmbedResponse(
            vectors=tuple(read_numbers(each.get("values") if isinstance(each, dict) else None) for each in found),
            usage=decode_usage(report) if isinstance(report, dict) else None,
            extra=to_extra(beside(value, "embeddings", USAGE)),
        )


def parts_of(item: str | tuple[int, ...], request: EmbedRequest) -> list[dict[str, str]]:
    """The text to be embedded, in the parts in which a caller of this protocol has it. Raises NoOperationError."""
    text = text_of(item)
    return [{"text": each} for each in request.extra.get(OURS, {}).get(PARTED, {}).get(text, (text,))]


class GeminiEmbedServer(EmbedServer):
    """Answers `:embedContent` and `:batchEmbedContents`."""

    expresses = EmbedServer.expresses | SAYABLE

    def decode_request(self, call: ServerRequest) -> EmbedRequest:
        fields = Fields(camel(json.decode_request(call.body)))
        model, method = model_and_method(call.path)
        if method == ONE:
            return _request(model, [fields])
        requests = [Fields(each, path) for path, each in fields.items("requests")]
        _nothing_beside(fields)
        if not requests or len(requests) > MAX_INPUTS:
            raise refused("requests", f"expected 1 to {MAX_INPUTS}, got {len(requests)}")
        return _request(model, requests)

    def encode_response(self, response: EmbedResponse, call: ServerRequest, request: EmbedRequest) -> ServerResponse:
        vectors = [{"values": numbers(each)} for each in response.vectors]
        body: dict[str, Any] = {"embedding": vectors[0]} if call.path.endswith(f":{ONE}") else {"embeddings": vectors}
        if response.usage is not None:
            body[USAGE] = encode_usage(response.usage)
        return ServerResponse(headers=JSON, body=json.encode(response.extra.get(NAME, {}) | body))


def _nothing_beside(fields: Fields) -> None:
    """Raises for a field that was not read: it has no place in our own request to a service."""
    for name, value in fields.rest.items():
        if value is not None:
            raise refused(fields.path(name), "expected no such field with a text to be embedded")


def _request(model: str, requests: list[Fields]) -> EmbedRequest:
    """The requests of a batch as one. All must have the same settings, since no other protocol has one for each."""
    texts: list[str] = []
    parted: dict[str, list[str]] = {}
    settings: list[tuple[Any, ...]] = []
    for fields in requests:
        named = fields.text("model")  # the path has it; SDKs repeat it
        if named is not None and named.rpartition(MODELS)[2] != model.rpartition(MODELS)[2]:
            raise refused(fields.path("model"), f"expected that of the path, {cut(model)}, got {cut(named)}")
        content = fields.fields("content")
        content.any("role")  # there is but one who speaks
        parts = [Fields(each, path) for path, each in content.items("parts")]
        if not parts:
            raise refused(content.path("parts"), "expected at least one part, got none")
        said = [part.text("text") for part in parts]
        for each in (content, *parts):
            _nothing_beside(each)
        found = [text for text in said if text is not None]
        if len(found) < len(parts):
            raise wrong_type(parts[said.index(None)].path("text"), "a string", None)
        texts.append("".join(found))
        if len(found) > 1:
            parted[texts[-1]] = found
        _take_config(fields)
        task, title = word(fields, "taskType", numbered.TASKS), fields.text("title")
        dimensions, truncate = read_dimensions(fields, "outputDimensionality"), fields.boolean("autoTruncate")
        settings.append((task, title, dimensions, truncate, fields.rest))
        if settings[-1] != settings[0]:
            raise refused("requests", "expected the same in each, except the content")
    task, title, dimensions, truncate, rest = settings[0]
    return EmbedRequest(
        model=model,
        inputs=tuple(texts),
        dimensions=dimensions,
        task=None if task in {None, UNSAID} else TASKS.get(task, task),
        title=title,
        truncate=truncate,
        extra=to_extra(rest) | ({OURS: {PARTED: parted}} if parted else {}),
    )


def _take_config(fields: Fields) -> None:
    """Moves the settings out of CONFIG: in the older form of a request they stand beside the content."""
    config = fields.object(CONFIG) or {}
    fields.rest |= without_none({name: config.pop(name, None) for name in SETTINGS})
    if config:
        fields.rest[CONFIG] = config
