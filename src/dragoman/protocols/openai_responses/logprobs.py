"""Log probabilities of tokens, read and written."""

from collections.abc import Sequence
from typing import Any

import msgspec
from msgspec import Struct

from dragoman.protocols.json_fields import refused
from dragoman.types import TokenLogprob


class Top(Struct, gc=False):
    """A token that was likely."""

    token: str
    logprob: float
    bytes: list[int] | None = None


class Logprob(Top):
    """A token that was chosen."""

    top_logprobs: list[Top] | None = None


def read_logprobs(values: Sequence[Logprob]) -> tuple[TokenLogprob, ...]:
    """What was decoded, as our values."""
    return tuple(_token(each, tuple(_token(top) for top in each.top_logprobs or ())) for each in values)


def _token(value: Top, top: tuple[TokenLogprob, ...] = ()) -> TokenLogprob:
    return TokenLogprob(value.token, value.logprob, None if value.bytes is None else tuple(value.bytes), top)


def check_logprobs(values: object, path: str) -> None:
    """Raises InvalidRequestError for what is no list of a caller's log probabilities."""
    try:
        msgspec.convert(values, list[Logprob] | None)
    except msgspec.ValidationError as exc:
        raise refused(path, f"expected log probabilities of tokens: {exc}") from exc


def decode_logprobs(values: object) -> tuple[TokenLogprob, ...]:
    """The log probabilities in a list; those that cannot be read are left out."""
    found = (_decoded(value) for value in (values if isinstance(values, list | tuple) else ()))
    return tuple(value for value in found if value is not None)


def _decoded(value: object) -> TokenLogprob | None:
    if not isinstance(value, dict):
        return None
    token, logprob, data = value.get("token"), value.get("logprob"), value.get("bytes")
    if not isinstance(token, str) or not isinstance(logprob, int | float) or isinstance(logprob, bool):
        return None
    raw = tuple(data) if isinstance(data, list) and all(type(each) is int for each in data) else None
    return TokenLogprob(token, float(logprob), raw, decode_logprobs(value.get("top_logprobs")))


def encode_logprobs(values: Sequence[TokenLogprob]) -> list[dict[str, Any]]:
    """The list on the wire."""
    return [_said(value) | {"top_logprobs": [_said(top) for top in value.top]} for value in values]


def _said(value: TokenLogprob) -> dict[str, Any]:
    data = value.token.encode() if value.bytes is None else value.bytes
    return {"token": value.token, "bytes": list(data), "logprob": value.logprob}
