"""What a service can be asked besides a chat: embeddings, and how many tokens a request has. Knows no protocol."""

from math import isfinite
from struct import pack, unpack

from msgspec import field

from dragoman.types.http import Headers
from dragoman.types.losses import Loss
from dragoman.types.messages import Extra
from dragoman.types.usage import Usage
from dragoman.types.value import Value

NUMBER = 4
"""Bytes of a number of a vector."""

Tokens = tuple[int, ...]
"""A text that the caller has cut into the model's own tokens."""


class EmbedRequest(Value, frozen=True, kw_only=True):
    """Texts whose vectors are wanted."""

    model: str
    inputs: tuple[str | Tokens, ...]
    dimensions: int | None = None
    """How many numbers a vector has; None: as many as the model gives."""
    task: str | None = None
    """What the vectors are for: `search_query`, `search_document`, `similarity`, or another word of the service."""
    title: str | None = None
    """The title of the document that the text is from."""
    truncate: bool | None = None
    """Whether the service may shorten a text that is too long."""
    user: str | None = None
    extra: Extra = field(default_factory=dict)
    trace: Headers = ()
    """Header fields by which the service's records can be found from the caller's: sent as they are, to any service."""


class EmbedResponse(Value, frozen=True, kw_only=True):
    """A vector for each text, in the order of the texts."""

    vectors: tuple[bytes, ...]
    """Little-endian numbers of 32 bits: `floats` gives them as Python's."""
    model: str | None = None
    usage: Usage | None = None
    seconds: float = 0.0
    """How long it took, for callers of the gateway."""
    extra: Extra = field(default_factory=dict)
    """What the service's protocol says beside the vectors."""
    silent: tuple[str, ...] = ()
    """Names in `extra` that callers of other protocols do not miss."""
    losses: tuple[Loss, ...] = ()
    """What of the request the service did not get, for callers of the library."""
    estimated: bool = False
    """The service has not counted the tokens of the texts, but estimated them from their length."""

    @property
    def lists(self) -> list[list[float]]:
        """The vectors as lists of Python's numbers."""
        return [floats(vector) for vector in self.vectors]


class TokenCount(Value, frozen=True):
    """How many tokens a chat request has."""

    input_tokens: int
    estimated: bool = False
    """It was not counted by the service, but estimated from the length of the texts."""
    cache_read_tokens: int | None = None
    extra: Extra = field(default_factory=dict)
    """What the service's protocol says beside these counts."""
    losses: tuple[Loss, ...] = ()
    """What of the request was not counted, because the service would not get it."""


def floats(vector: bytes) -> list[float]:
    """The numbers of a vector."""
    return list(unpack(f"<{len(vector) // NUMBER}f", vector))


def is_finite(vector: bytes) -> bool:
    """Whether a vector has neither NaN nor an infinity, which JSON cannot say."""
    highest = vector[NUMBER - 1 :: NUMBER]
    # Beside these only numbers from 1e38 on have such a byte, so that nearly no vector is unpacked.
    return not (b"\x7f" in highest or b"\xff" in highest) or all(map(isfinite, floats(vector)))


def vector(numbers: list[float]) -> bytes:
    """A vector of `numbers`. Raises struct.error if one of them is not a number, OverflowError if it is too large."""
    return pack(f"<{len(numbers)}f", *numbers)
