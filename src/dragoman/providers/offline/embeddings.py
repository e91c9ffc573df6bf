"""Vectors of texts without a model: texts with words in common have vectors that are alike, and that is all."""

from hashlib import sha256
from math import sqrt

from dragoman.errors import InvalidRequestError, NoOperationError
from dragoman.providers.offline.words import count_words
from dragoman.types import EmbedRequest, EmbedResponse, Usage, vector

DIMENSIONS = 256
MAX_DIMENSIONS = 4096


def embed_words(request: EmbedRequest) -> EmbedResponse:
    """A vector of length 1 for each text: each word adds to the place of its hash. Raises InvalidRequestError."""
    size = request.dimensions or DIMENSIONS
    if size > MAX_DIMENSIONS:
        raise InvalidRequestError(f"dimensions: expected at most {MAX_DIMENSIONS}, got {size}", param="dimensions")
    texts: list[str] = []
    for i, text in enumerate(request.inputs):
        if not isinstance(text, str):
            raise NoOperationError(f"input[{i}]: expected a text, got tokens of another model", param=f"input[{i}]")
        texts.append(text)
    count = sum(map(count_words, texts))
    vectors = tuple(vector(_numbers(text, size)) for text in texts)
    return EmbedResponse(vectors=vectors, model=request.model, usage=Usage(input_tokens=count))


def _numbers(text: str, size: int) -> list[float]:
    numbers = [0.0] * size
    for word in text.lower().split() or [""]:
        digest = sha256(word.encode("utf-8", "replace")).digest()
        numbers[int.from_bytes(digest[:4]) % size] += 1.0 if digest[4] & 1 else -1.0
    length = sqrt(sum(number * number for number in numbers)) or 1.0
    return [number / length for number in numbers]
