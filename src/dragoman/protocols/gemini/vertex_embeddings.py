"""Embeddings of Vertex AI, which has one method for its older models and another one for its newer.

https://docs.cloud.google.com/vertex-ai/generative-ai/docs/model-reference/text-embeddings-api,
https://docs.cloud.google.com/vertex-ai/generative-ai/docs/reference/rest/v1/projects.locations.publishers.models/embedContent,
googleapis/python-genai (google/genai/models.py), seen 2026-11-29. No real service was asked.
"""

from collections.abc import Callable, Mapping
from typing import Any

from msgspec import Struct

from dragoman.protocols.carrier import Carrier
from dragoman.protocols.env import Env
from dragoman.protocols.extra import merged, without_none
from dragoman.protocols.gemini.embeddings import NATIVE_TASKS, ONE, USAGE, parts_of
from dragoman.protocols.gemini.errors import failure_in, reported
from dragoman.protocols.gemini.extra import NAME, to_extra
from dragoman.protocols.gemini.usage import decode_usage
from dragoman.protocols.operations import EmbedClient, beside, read_numbers, text_of, wrong_number
from dragoman.protocols.reported_count import read_count
from dragoman.protocols.request_body import request_body
from dragoman.types import EmbedRequest, EmbedResponse, HttpRequest, HttpResponse, Loss, Usage
from dragoman.wire import json

PREDICT = "predict"
MAX_INPUTS = 250
MAX_TOKENS = 10_000
"""Tokens of one request, by our estimate: half of the service's own limit, since an estimate may be so far off."""

TRUNCATED = "truncated"
SILENT = ("metadata", "deployedModelId", "model", "modelDisplayName", "modelVersionId")
"""What the service says of its replies, and no other protocol has."""


class EmbedMethod(Struct, frozen=True):
    """How a model is asked."""

    name: str
    """The method of the path."""
    most: int
    """How many texts a request may have."""


PREDICTED = EmbedMethod(PREDICT, MAX_INPUTS)
PREDICTED_ALONE = EmbedMethod(PREDICT, 1)
EMBEDDED = EmbedMethod(ONE, 1)


class VertexEmbedClient(EmbedClient):
    """Calls `:predict` or `:embedContent` of a model."""

    expresses = frozenset({"dimensions", "task", "title", "truncate"})
    most_tokens = MAX_TOKENS

    def __init__(
        self, model_url: Callable[[str], str], carrier: Carrier, method_of: Callable[[str], EmbedMethod]
    ) -> None:
        """`model_url`: the address of a model; `method_of`: how it is asked."""
        self._model_url = model_url
        self._carrier = carrier
        self._method_of = method_of

    def most_of(self, model: str) -> int:
        return self._method_of(model).most

    def losses(self, request: EmbedRequest, own: str) -> tuple[Loss, ...]:
        predicted = self._method_of(request.model).name == PREDICT
        return super().losses(request, "" if predicted else own)  # it has no further field of the other method

    def encode_request(self, request: EmbedRequest, env: Env) -> HttpRequest:
        method = self._method_of(request.model).name
        write = _predict if method == PREDICT else _embed_content
        body = write(request, None if request.task is None else NATIVE_TASKS.get(request.task, request.task))
        return HttpRequest(
            url=f"{self._model_url(request.model)}:{method}",
            headers=self._carrier.json_headers(env.key, "application/json"),
            body=request_body(body),
        )

    def decode_response(self, reply: HttpResponse, request: EmbedRequest) -> EmbedResponse:
        match json.decode_floats(reply.body):
            case {"predictions": list(found), **rest} if len(found) == len(request.inputs):
                return _predicted(found, rest)
            case {"embedding": {"values": values}, **rest} if len(request.inputs) == 1:
                report = rest.get(USAGE)
                return EmbedResponse(
                    vectors=(read_numbers(values),),
                    usage=decode_usage(report) if isinstance(report, dict) else None,
                    extra=to_extra(_said(beside(rest, USAGE, TRUNCATED), cut=rest.get(TRUNCATED) is True)),
                    silent=SILENT,
                )
            case value:
                failure = failure_in(value)
                raise wrong_number(request) if failure is None else reported(failure)


def _predict(request: EmbedRequest, task: str | None) -> dict[str, Any]:
    said = without_none({"task_type": task, "title": request.title})
    settings = without_none({"autoTruncate": request.truncate, "outputDimensionality": request.dimensions})
    body: dict[str, Any] = {"instances": [said | {"content": text_of(item)} for item in request.inputs]}
    return body | ({"parameters": settings} if settings else {})


def _embed_content(request: EmbedRequest, task: str | None) -> dict[str, Any]:
    (item,) = request.inputs
    settings = {
        "taskType": task,
        "title": request.title,
        "outputDimensionality": request.dimensions,
        "autoTruncate": request.truncate,
    }
    config = without_none(settings)
    body: dict[str, Any] = {"content": {"role": "user", "parts": parts_of(item, request)}}
    return merged(body | ({"embedContentConfig": config} if config else {}), request.extra.get(NAME, {}))


def _predicted(found: list[Any], rest: Mapping[Any, Any]) -> EmbedResponse:
    """The vectors of predictions, of which each tells its tokens, and whether its text was cut."""
    embeddings = [_object(_object(each).get("embeddings")) for each in found]
    statistics = [_object(each.get("statistics")) for each in embeddings]
    counts = [read_count(each.get("token_count")) for each in statistics]
    known = [count for count in counts if count is not None]
    return EmbedResponse(
        vectors=tuple(read_numbers(each.get("values")) for each in embeddings),
        usage=Usage(input_tokens=sum(known)) if len(known) == len(counts) else None,
        extra=to_extra(_said(rest, cut=any(each.get(TRUNCATED) is True for each in statistics))),
        silent=SILENT,
    )


def _said(rest: Mapping[Any, Any], *, cut: bool) -> dict[str, Any]:
    """What a reply says beside vectors and counts. That no text was cut is not worth saying."""
    return dict(rest) | ({TRUNCATED: True} if cut else {})


def _object(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}
