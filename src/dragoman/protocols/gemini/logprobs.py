"""Log probabilities of tokens, read and written."""

from collections.abc import Mapping, Sequence
from typing import Any

from msgspec.structs import replace

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
            found.append(replace(token, top=others[i]) if i < len(others) else token)
    return tuple(found)


def further(block: object) -> dict[str, Any]:
    """The fields of the block that log probabilities have no place for; the lists, if something in them has none."""
    if not isinstance(block, dict):
        return {}
    read = encode_logprobs(decode_logprobs(block))
    return {name: value for name, value in block.items() if value != read.get(name, [])}


def joined(before: Mapping[str, Any], later: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of the blocks of two replies: the lists grow."""
    found = {**before, **later}
    for name, value in before.items():
        if isinstance(value, list) and isinstance(more := later.get(name), list):
            found[name] = [*value, *more]
    return found


def encode_logprobs(logprobs: Sequence[TokenLogprob]) -> dict[str, Any]:
    """The block of a candidate."""
    body: dict[str, Any] = {"chosenCandidates": [_said(each) for each in logprobs]}
    if any(each.top for each in logprobs):
        body["topCandidates"] = [{"candidates": [_said(other) for other in each.top]} for each in logprobs]
    return body


def _tops(value: object) -> tuple[TokenLogprob, ...]:
    candidates = value.get("candidates") if isinstance(value, dict) else None
    tokens = [_token(each) for each in candidates] if isinstance(candidates, list) else []
    return tuple(token for token in tokens if token is not None)


def _token(value: object) -> TokenLogprob | None:
    match value:
        case {"token": str(token), "logProbability": int() | float() as likely, **rest}:
            number = rest.get("tokenId")
            return TokenLogprob(token, float(likely), id=number if type(number) is int else None)
        case _:
            return None


def _said(logprob: TokenLogprob) -> dict[str, Any]:
    number = {} if logprob.id is None else {"tokenId": logprob.id}
    return {"token": logprob.token, **number, "logProbability": logprob.logprob}
