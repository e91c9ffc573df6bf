"""How a request carries a key. Knows no vendor."""

import re

from msgspec import Struct

from dragoman.types import Headers
from dragoman.types.http import JSON

TOKEN = re.compile(r"eyJ[\w-]+\.[\w-]+\.[\w-]*", re.ASCII)
"""A token as identity services give it: three parts in base64, the first a JSON object.
https://www.rfc-editor.org/rfc/rfc7519#section-3.1"""


class Carrier(Struct, frozen=True):
    """The header field that holds a key."""

    field: str
    prefix: str = ""
    tokens: bool = False
    """Whether a key that is a token goes as a bearer, whatever `field` says."""

    def headers(self, key: str | None) -> Headers:
        """The field with `key`; nothing without one."""
        if not key:
            return ()
        if self.tokens and TOKEN.fullmatch(key):
            return BEARER.headers(key)
        return ((self.field, f"{self.prefix}{key}"),)

    def json_headers(self, key: str | None, accept: str) -> Headers:
        """The fields of a request with a body of JSON. `accept`: the media type of the answer."""
        return (*JSON, ("accept", accept), *self.headers(key))


BEARER = Carrier("authorization", "Bearer ")
