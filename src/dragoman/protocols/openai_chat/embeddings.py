"""Embeddings. https://platform.openai.com/docs/api-reference/embeddings"""

from base64 import b64decode, b64encode
from collections.abc import Iterable, Mapping
from typing import Any

from msgspec.structs import replace

from dragoman.errors import BadEventError, DragomanError
from dragoman.protocols.carrier import BEARER
from dragoman.protocols.env import Env
from dragoman.protocols.extra import merged, without_none
from dragoman.protocols.json_fields import Fields, refused, wrong_type
from dragoman.protocols.openai_chat.errors import failure_in, reported
from dragoman.protocols.openai_chat.extra import NAME, to_extra
from dragoman.protocols.openai_chat.usage import OUTPUT, SAYABLE, decode_usage, encode_usage
from dragoman.protocols.operations import (
    EmbedClient,
    EmbedServer,
    beside,
    numbers,
    read_dimensions,
    read_numbers,
    wrong_number,
)
from dragoman.protocols.reported_count import read_count
from dragoman.protocols.request_body import request_body
from dragoman.protocols.speech import OURS
from dragoman.types import (
    EmbedRequest,
    EmbedResponse,
    HttpRequest,
    HttpResponse,
    ServerRequest,
    ServerResponse,
    Usage,
)
from dragoman.types.http import JSON
from dragoman.types.operations import NUMBER
from dragoman.wire import json
from dragoman.wire.strict import MAX_VALUES

MAX_INPUTS = 2048
"""Texts of one request: OpenAI's own limit."""

MAX_TOKENS = 300_000
"""Tokens of one request: OpenAI's own limit. LangChain sends its texts as tokens, a thousand texts at a time."""

SILENT = ("id", "created")
"""What vLLM says of its replies, and no other protocol has."""

EXPRESSES = frozenset({"dimensions", "user", "tokens"})
FORMATS = ("float", "base64")
FIELD = "encoding_format"
REFUSED = frozenset({400, 422})
"""Statuses of a service that does not know a field."""
FORM = f"{NAME}.{FIELD}"
"""The note of the form in which a caller wants the vectors; empty: the caller does not say."""


class OpenAIEmbedClient(EmbedClient):
    """Calls `POST {url}/embeddings`.

    Vectors are asked for in the form that a caller of this protocol wants, because some services take only one. For
    all others they come as base64, which costs a quarter of the bytes of numbers. A service that refuses to be asked
    for a form is asked without (BerriAI/litellm#38774, mem0ai/mem0#4057, QuantumNous/new-api#1941): a caller gets its
    own in any case.
    """

    most = MAX_INPUTS

    def __init__(self, url: str, refused: Iterable[str] = ()) -> None:
        """`refused`: what makes the service refuse a request, as in `Variant.refused_fields`."""
        self._url = f"{url.rstrip('/')}/embeddings"
        self.expresses = EXPRESSES.difference(refused)

    def encode_request(self, request: EmbedRequest, env: Env) -> HttpRequest:
        headers = BEARER.json_headers(env.key, "application/json")
        form = _form(request)
        user = request.user if "user" in self.expresses else None
        said = {"dimensions": request.dimensions, "user": user, FIELD: form or None}
        body = {"model": request.model, "input": list(request.inputs)} | without_none(said)
        return HttpRequest(url=self._url, headers=headers, body=request_body(merged(body, request.extra.get(NAME, {}))))

    def plainer(self, request: EmbedRequest) -> EmbedRequest | None:
        return replace(request, extra=request.extra | {OURS: {FORM: ""}}) if _form(request) else None

    def refuses_form(self, error: DragomanError) -> bool:
        # FastAPI and its like name the field beside their words, in a place of its own.
        said = (error.param, error.message, error.extra.get(NAME))
        return error.upstream_status in REFUSED and any(FIELD in str(each) for each in said)

    def decode_response(self, reply: HttpResponse, request: EmbedRequest) -> EmbedResponse:
        value = json.decode_floats(reply.body)
        data = value.get("data") if isinstance(value, dict) else None
        if not isinstance(data, list) or len(data) != len(request.inputs):
            failure = None if isinstance(data, list) else failure_in(value)
            raise wrong_number(request) if failure is None else reported(failure)
        placed = sorted(enumerate(data), key=lambda entry: _index(entry[1], entry[0]))
        report = value.get("usage")
        return EmbedResponse(
            vectors=tuple(_vector(entry) for _, entry in placed),
            model=value["model"] if isinstance(value.get("model"), str) else None,
            usage=_usage(report) if isinstance(report, dict) else None,
            extra=to_extra(beside(value, "object", "data", "model", "usage")),
            silent=SILENT,
        )


def _form(request: EmbedRequest) -> str:
    """How the vectors are asked for; empty: as the service has them."""
    form: str = request.extra.get(OURS, {}).get(FORM, "base64")
    return form


def _usage(report: Mapping[str, Any]) -> Usage:
    """The report. All tokens are of the input, and some services (Voyage) say only how many there are in all."""
    usage = decode_usage(report)
    if usage.input_tokens is None:
        return replace(usage, input_tokens=usage.total_tokens, total_tokens=None)
    return replace(usage, total_tokens=None) if usage.total_tokens == usage.input_tokens else usage


def _index(entry: object, place: int) -> int:
    index = read_count(entry.get("index")) if isinstance(entry, dict) else None
    return place if index is None else index


def _vector(entry: object) -> bytes:
    match entry:
        case {"embedding": str(text)}:
            try:
                packed = b64decode(text, validate=True)
            except ValueError as exc:  # which is that of base64 too
                raise BadEventError("expected an embedding in base64, got other text") from exc
            if len(packed) % NUMBER:
                raise BadEventError("expected an embedding of whole numbers of 32 bits")
            return packed
        case {"embedding": list(numbers)}:
            return read_numbers(numbers)
        case _:
            raise BadEventError("expected an embedding, got something else")


class OpenAIEmbedServer(EmbedServer):
    """Answers `POST /v1/embeddings`."""

    expresses = EmbedServer.expresses | SAYABLE
    must_count = True

    def decode_request(self, call: ServerRequest) -> EmbedRequest:
        fields = Fields(json.decode_request(call.body, MAX_VALUES + MAX_TOKENS))
        form = fields.text(FIELD)
        if form is not None and form not in FORMATS:
            raise refused(FIELD, f"expected one of {', '.join(FORMATS)}")
        return EmbedRequest(
            model=fields.text("model") or "",
            inputs=_inputs(fields),
            dimensions=read_dimensions(fields),
            user=fields.text("user"),
            extra=to_extra(fields.rest) | {OURS: {FORM: form or ""}},
        )

    def encode_response(self, response: EmbedResponse, call: ServerRequest, request: EmbedRequest) -> ServerResponse:
        packed = request.extra.get(OURS, {}).get(FORM) == "base64"
        usage = response.usage
        counts = {} if usage is None else encode_usage(usage)
        if usage is not None and usage.output_tokens is None:
            del counts[OUTPUT]
        data = [
            {"object": "embedding", "index": i, "embedding": b64encode(each).decode() if packed else numbers(each)}
            for i, each in enumerate(response.vectors)
        ]
        said = {"object": "list", "data": data, "model": response.model or request.model, "usage": counts}
        return ServerResponse(headers=JSON, body=json.encode(response.extra.get(NAME, {}) | said))


def _inputs(fields: Fields) -> tuple[str | tuple[int, ...], ...]:
    value, path = fields.any("input"), fields.path("input")
    if isinstance(value, str):
        return (value,)
    if not isinstance(value, list):
        raise wrong_type(path, "a string or a list of strings", value)
    if not value:
        raise refused(path, "expected at least one text")
    if all(type(item) is int for item in value):
        return (tuple(value),)
    if len(value) > MAX_INPUTS:
        raise refused(path, f"expected at most {MAX_INPUTS} texts, got {len(value)}")
    found: list[str | tuple[int, ...]] = []
    for i, item in enumerate(value):
        if isinstance(item, str):
            found.append(item)
        elif isinstance(item, list) and item and all(type(token) is int for token in item):
            found.append(tuple(item))
        else:
            raise wrong_type(f"{path}[{i}]", "a string or a list of tokens", item)
    return tuple(found)
