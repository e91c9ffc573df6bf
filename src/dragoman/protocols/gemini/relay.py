"""The relay of this protocol: the model and the form of the answer are in the path, and no byte changes."""

from collections.abc import Hashable
from typing import ClassVar

from msgspec import Struct

from dragoman.errors import EndpointNotFoundError, InvalidRequestError
from dragoman.protocols.carrier import Carrier
from dragoman.protocols.gemini.asked_settings import takes_settings
from dragoman.protocols.gemini.extra import NAME
from dragoman.protocols.gemini.tap import GeminiTap, read_whole
from dragoman.protocols.gemini.thinking import takes_thinking
from dragoman.protocols.model_path import escaped
from dragoman.protocols.opaque import NO_ORIGINS, origins_in, origins_in_steps
from dragoman.protocols.relay import RelayCodec, RelayReader, RelayRequest, ReplySummary, Tap
from dragoman.types import Headers, HttpRequest, ModelProfile, ServerRequest
from dragoman.wire import json
from dragoman.wire.steps import Steps

MODELS, TUNED = "models/", "tunedModels/"
PROJECT, PUBLISHERS, GOOGLE = "projects/", "publishers/", "google"
ELSEWHERE = (PUBLISHERS, "endpoints/")
"""Beginnings of model names that are paths in a project: of another publisher's model, or of a tuned one."""
WHOLE, STREAM = "generateContent", "streamGenerateContent"

GEMINI_ROOT = "/v1beta"
"""What stands between a service's URL and its models."""
GOOGLE_KEY = Carrier("x-goog-api-key")

SSE = "alt=sse"

HEARTBEAT = b"\n"
"""A blank line: a comment is an error to the vendor's programs."""


class Target(Struct, frozen=True):
    """What the path and the query of a request say."""

    model: str
    stream: bool
    array: bool = False
    """A stream is wanted as a JSON array."""


class GeminiRelayRequest(Struct, frozen=True, gc=False):
    """A caller's request, of which nothing is decoded."""

    model: str
    stream: bool
    body: bytes
    several: bool = False
    headers: Headers = ()
    origins: frozenset[str] = NO_ORIGINS
    path: ClassVar[str] = ""

    def body_for(self, model: str, relay: RelayCodec | None = None) -> bytes:
        return self.body

    def tap(self) -> Tap:
        return GeminiTap(every=self.several)


class GeminiRelay(RelayCodec):
    """Requests and answers of `POST {url}/v1beta/models/M:generateContent`, passed as they are."""

    name = NAME
    stream_type = "text/event-stream"
    whole_type = "application/json"
    stream_headers = (("content-type", stream_type),)
    whole_headers = (("content-type", "application/json; charset=UTF-8"),)
    heartbeat = HEARTBEAT
    model_at = (("modelVersion",),)

    def __init__(self, url: str, root: str = GEMINI_ROOT, carrier: Carrier = GOOGLE_KEY) -> None:
        """`root`, `carrier`: see GeminiClient."""
        self._url = url
        self._root = root
        self._carrier = carrier
        self.takes = None if root == GEMINI_ROOT else _has_roles

    def takes_settings(self, request: RelayRequest, model: str, profile: ModelProfile) -> bool:
        if not isinstance(request, GeminiRelayRequest) or request.several:
            return True  # several candidates cannot be translated
        if not takes_settings(request.body, profile):
            return False
        return profile.efforts is None or takes_thinking(request.body, profile)

    def request_head(self, key: str | None, model: str, *, stream: bool) -> HttpRequest:
        accept = self.stream_type if stream else self.whole_type
        headers = self._carrier.json_headers(key, accept)
        call = f"{STREAM}?{SSE}" if stream else WHOLE
        return HttpRequest(url=f"{self.model_url(model)}:{call}", headers=headers)

    def model_url(self, model: str) -> str:
        """The address of a model, which a method follows. Raises ModelNotFoundError."""
        if self._root != GEMINI_ROOT and model.startswith(ELSEWHERE):
            return f"{self._url}/{escaped(model, model)}"
        return f"{self._url}{self._root}/{path_of(model)}"

    def head_key(self, model: str, request: RelayRequest) -> Hashable:
        return model, request.stream

    def read(self, body: bytes) -> ReplySummary:
        return read_whole(body)


def path_of(model: str) -> str:
    """The part of a path that names a model.

    Raises ModelNotFoundError for a name that would lead to another place of the service: our key must not go there.
    """
    named = model if model.startswith((MODELS, TUNED)) else f"{MODELS}{model}"
    return escaped(named, model)


def read_target(call: ServerRequest) -> Target:
    """The model and the form of the answer. A name may hold slashes and colons; the last colon begins the method."""
    model, method = model_and_method(call.path)
    if method not in {WHOLE, STREAM}:
        raise EndpointNotFoundError(f"expected a path that ends with {MODELS}MODEL:{WHOLE} or {MODELS}MODEL:{STREAM}")
    return Target(model, method == STREAM, wants_array(call))


def wants_array(call: ServerRequest) -> bool:
    """Whether a stream is wanted as a JSON array: the service's own form, unless events are asked for."""
    return call.path.endswith(f":{STREAM}") and SSE not in call.query.split("&")


def model_and_method(path: str) -> tuple[str, str]:
    """The model and the method. The last colon begins the method. Raises EndpointNotFoundError if no model is named.

    A name with a slash, `up/m`, may stand there as it is (`/v1beta/up/m`, as Vercel's AI SDK writes it), or with its
    first part as Vertex AI's publisher (`/v1beta1/publishers/up/models/m`, as Google's SDK does with `vertexai`), which
    may be in a project (`/v1beta1/projects/P/locations/L/publishers/…`).
    """
    name, _, method = path.rpartition(":")
    model = name.removeprefix("/").partition("/")[2]  # after the version
    if model.startswith(PROJECT):
        model = model.split("/", 4)[-1]
    publisher = GOOGLE
    if model.startswith(PUBLISHERS):
        publisher, _, model = model.removeprefix(PUBLISHERS).partition("/")
    if not model or (publisher == GOOGLE and "/" not in model):
        raise EndpointNotFoundError(f"expected a path that ends with {MODELS}MODEL:{method}")
    model = model.removeprefix(MODELS)
    return model.removeprefix(MODELS) if publisher == GOOGLE else f"{publisher}/{model}", method


class GeminiReader(RelayReader):
    """Reads requests to be relayed, of which the body is only checked.

    It returns None if a request must be translated: it wants a stream as an array. It raises EndpointNotFoundError and
    InvalidRequestError.
    """

    def at_once(self, call: ServerRequest) -> GeminiRelayRequest | None:
        target = read_target(call)
        if target.array:
            return None
        json.check_request(call.body)
        return _request(target, call.body, origins_in(call.body))

    def in_steps(self, call: ServerRequest) -> Steps[GeminiRelayRequest | None]:
        target = read_target(call)
        if target.array:
            return None
        yield from json.checked(call.body)
        return _request(target, call.body, (yield from origins_in_steps(call.body)))


READER = GeminiReader()


def _has_roles(request: RelayRequest) -> bool:
    """Whether somebody speaks in the request, or it cannot be translated.

    Vertex AI refuses turns without a role, which the Gemini API takes as the user's: "Please use a valid role: user,
    model", 400. gethnet/litellm-connector-copilot#64, seen 2026-11-29.
    """
    return not isinstance(request, GeminiRelayRequest) or request.several or b'"role"' in request.body


def _request(target: Target, body: bytes, origins: frozenset[str]) -> GeminiRelayRequest:
    if not body.lstrip(b" \t\r\n").startswith(b"{"):
        raise InvalidRequestError("the body: expected an object")
    several = body.find(b"candidateCount") >= 0 or body.find(b"candidate_count") >= 0
    return GeminiRelayRequest(target.model, target.stream, body, several, origins=origins)
