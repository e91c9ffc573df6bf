"""How a request differs from a recorded one: the places, without what stands there."""

from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from dragoman.errors import BadEventError
from dragoman.transport.replay.cassette import RecordedRequest
from dragoman.wire import json

VOLATILE = frozenset({"time", "timestamp", "nonce", "conversationId", "canvas"})
"""Fields of a body and of a query that differ with each request: times that chat sites sign, and random ids."""

MAX_PLACES = 6
"""Places that a message names: a reader needs the first ones."""


def differences(wanted: RecordedRequest, recorded: RecordedRequest) -> list[str]:
    """Where `wanted` differs from `recorded`: `method`, `path`, `query.alt`, `body.messages[0].content`.

    The host may be another, and headers do not count.
    """
    found = ["method"] if wanted.method != recorded.method else []
    ours, theirs = urlsplit(wanted.url), urlsplit(recorded.url)
    if (ours.path or "/") != (theirs.path or "/"):
        found.append("path")
    found += _unlike(_pairs(ours.query), _pairs(theirs.query), "query")
    if wanted.body != recorded.body:
        found += _unlike(_body(wanted.body.data), _body(recorded.body.data), "body")
    return found


def shown(places: list[str]) -> str:
    """The first of the places, and how many more there are."""
    more = len(places) - MAX_PLACES
    return ", ".join(places[:MAX_PLACES]) + (f" and {more} more" if more > 0 else "")


def _pairs(query: str) -> dict[str, Any]:
    return _steady(dict(parse_qsl(query, keep_blank_values=True)))


def _body(body: bytes) -> Any:
    """What stands in a body of JSON; else the body itself."""
    try:
        found = json.decode_loosely(body)
    except BadEventError:
        return body
    return _steady(found) if isinstance(found, dict) else found


def _steady(fields: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if name not in VOLATILE}


def _unlike(ours: Any, theirs: Any, place: str) -> Iterator[str]:
    if isinstance(ours, dict) and isinstance(theirs, dict):
        for name in dict.fromkeys((*ours, *theirs)):
            if name not in ours or name not in theirs:
                yield f"{place}.{name}"
            else:
                yield from _unlike(ours[name], theirs[name], f"{place}.{name}")
    elif isinstance(ours, list) and isinstance(theirs, list):
        for i, (our, their) in enumerate(zip(ours, theirs, strict=False)):
            yield from _unlike(our, their, f"{place}[{i}]")
        if len(ours) != len(theirs):
            yield f"{place}[{min(len(ours), len(theirs))}]"
    elif ours != theirs or type(ours) is not type(theirs):
        yield place
