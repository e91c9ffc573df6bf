"""The body of a request to a service. Knows no vendor."""

from dragoman.errors import InvalidRequestError
from dragoman.wire import json


def request_body(value: object) -> bytes:
    """`value` as JSON. Raises InvalidRequestError if a text of it holds half a character, which JSON cannot carry."""
    try:
        return json.encode(value)
    except UnicodeEncodeError as exc:
        raise InvalidRequestError(
            "the request holds half a character (a lone surrogate), which JSON cannot carry"
        ) from exc
