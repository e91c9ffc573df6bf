"""The seams for what a protocol offers besides a chat: embeddings, counts of tokens, kept answers. Knows no vendor."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from struct import error
from typing import Any, ClassVar

from msgspec import Raw, Struct

from dragoman.errors import BadEventError, DragomanError, NoOperationError
from dragoman.protocols.env import Env
from dragoman.protocols.json_fields import Fields, refused
from dragoman.protocols.speech import OURS
from dragoman.types import (
    ChatRequest,
    EmbedRequest,
    EmbedResponse,
    HttpRequest,
    HttpResponse,
    Loss,
    LostField,
    ServerRequest,
    ServerResponse,
    TokenCount,
    floats,
    vector,
)
from dragoman.wire import json

EMBED_FIELDS = ("dimensions", "task", "title", "truncate", "user")
"""Fields of an EmbedRequest that a protocol may not have."""


class EmbedClient(ABC):
    """Asks a service for embeddings."""

    expresses: frozenset[str] = frozenset()
    """Which of EMBED_FIELDS the protocol has; `tokens` too, if it takes texts that are cut into tokens."""
    most: ClassVar[int | None] = None
    """How many texts a request may have; more go in several requests. None: no limit is known."""
    most_tokens: ClassVar[int | None] = None
    """How many tokens all texts of a request may have, as we estimate them; more go in several requests."""
    loads: ClassVar[bool] = False
    """Whether a request without texts asks for the model to be loaded; in other protocols it means nothing."""

    def most_of(self, model: str) -> int | None:
        """How many texts a request to `model` may have, at services whose models differ in it."""
        return self.most

    @abstractmethod
    def encode_request(self, request: EmbedRequest, env: Env) -> HttpRequest:
        """The request on the wire. Raises InvalidRequestError if the protocol cannot say it."""

    @abstractmethod
    def decode_response(self, reply: HttpResponse, request: EmbedRequest) -> EmbedResponse:
        """The vectors. Raises BadEventError if the reply is something else."""

    def plainer(self, request: EmbedRequest) -> EmbedRequest | None:
        """`request` without the form of its vectors, which not all services know; None if it asks for none."""
        return None

    def refuses_form(self, error: DragomanError) -> bool:
        """Whether a service that answers with `error` knows no such form. Its vectors can be read in any."""
        return False

    def losses(self, request: EmbedRequest, own: str) -> tuple[Loss, ...]:
        """What of `request` the service does not get."""
        lost = [
            LostField(name)
            for name in EMBED_FIELDS
            if getattr(request, name) is not None and name not in self.expresses
        ]
        foreign = (each for each in request.extra.items() if each[0] not in {own, OURS})
        others = [f"{protocol}.{name}" for protocol, said in foreign for name in said]
        return (*lost, *map(LostField, others))


class EmbedServer(ABC):
    """Answers a caller who asks for embeddings."""

    expresses: ClassVar[frozenset[str]] = frozenset({"usage"})
    """What an answer can say beside the vectors, in the words of `answer_losses`."""
    must_count: ClassVar[bool] = False
    """Whether an answer has a count of its tokens always, so that programs rely on it."""

    @abstractmethod
    def decode_request(self, call: ServerRequest) -> EmbedRequest:
        """What the caller asks. Raises InvalidRequestError."""

    @abstractmethod
    def encode_response(self, response: EmbedResponse, call: ServerRequest, request: EmbedRequest) -> ServerResponse:
        """The vectors, in the form in which `call` asked for them."""


class CountClient(ABC):
    """Asks a service how many tokens a chat request has."""

    @abstractmethod
    def encode_request(self, request: ChatRequest, env: Env) -> HttpRequest:
        """The request on the wire."""

    @abstractmethod
    def decode_response(self, reply: HttpResponse) -> TokenCount:
        """The count. Raises BadEventError if the reply is something else."""


class CountServer(ABC):
    """Answers a caller who asks how many tokens a chat request has."""

    @abstractmethod
    def decode_request(self, call: ServerRequest) -> ChatRequest:
        """The chat request whose tokens are to be counted. Raises InvalidRequestError."""

    @abstractmethod
    def encode_response(self, count: TokenCount) -> ServerResponse:
        """The count; an estimate says that it is one."""


class KeptCall(Struct, frozen=True):
    """What a caller wants of an answer that a service keeps."""

    method: str
    id: str
    """The service's own."""
    part: str = ""
    """What of the answer, as its path ends; empty: the answer itself."""
    query: str = ""
    """What followed the `?` of the caller's request."""


class KeptClient(ABC):
    """Asks a service for answers that it keeps, or to forget them."""

    stream_type: ClassVar[str]
    """The media type of a reply that comes bit by bit."""

    @abstractmethod
    def encode_request(self, call: KeptCall, env: Env) -> HttpRequest:
        """The request on the wire. Of the caller's query only what the protocol has goes to the service."""

    @abstractmethod
    def stream(self, call: KeptCall, cleaned: Callable[[str], str]) -> "KeptStream":
        """What reads the answer's stream as it passes. `cleaned`: a text of the service's without our secrets."""


class KeptStream(ABC):
    """Reads a stream that passes to a caller who has come back."""

    @abstractmethod
    def feed(self, data: bytes) -> bytes:
        """What may pass of `data` and what came before it: events that are complete."""

    @abstractmethod
    def finish(self) -> bytes:
        """What may pass of the rest. Called once, when no more will come."""

    @property
    @abstractmethod
    def whole(self) -> bool:
        """Whether nothing is missing at its end."""

    @abstractmethod
    def failure(self, error: DragomanError) -> bytes:
        """The events that tell that it broke off."""


def text_of(item: str | tuple[int, ...]) -> str:
    """The text to be embedded. Raises NoOperationError for one in tokens."""
    if isinstance(item, str):
        return item
    raise NoOperationError("input: expected texts, since this protocol has no texts in tokens", param="input")


def read_dimensions(fields: Fields, name: str = "dimensions") -> int | None:
    """How many numbers a vector shall have. Raises InvalidRequestError for less than one."""
    count = fields.integer(name)
    if count is not None and count < 1:
        raise refused(fields.path(name), f"expected at least 1, got {count}")
    return count


def beside(value: Mapping[Any, Any], *known: str) -> dict[str, Any]:
    """What a reply says beside the fields that are `known`."""
    return {name: each for name, each in value.items() if name not in known}


def no_count() -> BadEventError:
    """The error for a reply without a count of tokens."""
    return BadEventError("expected a count of tokens, got other JSON")


def wrong_number(request: EmbedRequest) -> BadEventError:
    """The error for a reply without a vector for each text."""
    return BadEventError(f"expected {len(request.inputs)} embeddings, got something else")


def numbers(vector: bytes) -> Raw:
    """A vector as a list in JSON: written by itself, so that other threads may run after each."""
    return Raw(json.encode(floats(vector)))


def read_numbers(value: object) -> bytes:
    """A vector that came as a list of numbers. Raises BadEventError for anything else."""
    if not isinstance(value, list):
        raise BadEventError("expected an embedding, got something else")
    try:
        return vector(value)
    except (error, OverflowError) as exc:
        raise BadEventError("expected an embedding of numbers, got something else") from exc
