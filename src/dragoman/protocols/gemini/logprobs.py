"""Log probabilities of tokens, read and written."""

from collections.abc import Sequence
from typing import Any

from dragoman.types import TokenLogprob

RESULT = "logprobsResult"


def decode_logprobs(value: object) -> tuple[TokenLogprob, ...]:
    """The chosen tokens, each with the most likely ones in its place; what is odd is passed over."""
    if not isinstance(value, dict):
        return ()
    chosen, top = value.get("chosenCandidates"), value.get("topCandidates")
    others = [_tops(each) for each in top] if isinstance(top, list) else []
    found: list[TokenLogprob] = []
    for i, each in enumerate(chosen if isinstance(chosen, list) else []):
        token = _token(each)
        if token is not None:
            found.append(TokenLogprob(token[0], token[1], top=others[i] if i < len(others) else ()))
    return tuple(found)


def says_more(block: Any) -> bool:
    """Whether the block holds what log probabilities have no place for, such as the numbers of tokens."""
    return bool(encode_logprobs(decode_logprobs(block)) != block)


def encode_logprobs(logprobs: Sequence[TokenLogprob]) -> dict[str, Any]:
    """The block of a candidate."""
    body: dict[str, Any] = {"chosenCandidates": [_said(each) for each in logprobs]}
    if any(each.top for each in logprobs):
        body["topCandidates"] = [{"candidates": [_said(other) for other in each.top]} for each in logprobs]
    return body


def _tops(value: object) -> tuple[TokenLogprob, ...]:
    candidates = value.get("candidates") if isinstance(value, dict) else None
    tokens = [_token(each) for each in candidates] if isinstance(candidates, list) else []
    return tuple(TokenLogprob(*token) for token in tokens if token is not None)


def _token(value: object) -> tuple[str, float] | None:
    match value:
        case {"token": str(token), "logProbability": int() | float() as likely}:
            return token, float(likely)
        case _:
            return None


def _said(logprob: TokenLogprob) -> dict[str, Any]:
    return {"token": logprob.token, "logProbability": logprob.logprob}
