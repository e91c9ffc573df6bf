"""Removes credentials from requests and heads that are recorded. Knows no vendor and no file."""

import re

from dragoman.types import Headers

REDACTED = "REDACTED"

NAMES = re.compile(
    r"""
    pass | passwd | password | passphrase | pwd | secret | credentials? | authorization | auth | apikey | key | cookie
    | uniqueid | sign | signature | sessionid | sid
    | .*(?:apikey|token|secret|password|authorization|cookie|cookie2|sessionid)
    """,
    re.VERBOSE,
)
"""Names of fields that hold credentials, in lower case and without `-` and `_`: `X-Auth-Token`, `api_key`, `pass`."""

SAID = rb'"(?:[^"\\]|\\.)+"|-?[0-9][0-9.eE+-]*'
FIELD = re.compile(rb'"([\w-]{1,64})"(\s*:\s*)(?:' + SAID + rb")")
"""A field of JSON text and its value. A field that is quoted in a text does not match: its quotes are escaped."""

PAIR = re.compile(rb"(^|&)([^=&]{1,64})=[^&]+")
"""A field of a form."""

FORM = "application/x-www-form-urlencoded"


def is_credential(name: str) -> bool:
    """Whether a header, a parameter or a field of this name holds a credential."""
    return NAMES.fullmatch(name.lower().replace("-", "").replace("_", "")) is not None


def redacted_headers(headers: Headers) -> Headers:
    """`headers` with the values of those that hold credentials replaced."""
    return tuple((name, REDACTED if is_credential(name) else value) for name, value in headers)


def redacted_body(body: bytes, headers: Headers) -> bytes:
    """A request's body with its credentials replaced; all other bytes are unchanged."""
    is_form = any(name.lower() == "content-type" and value.lower().startswith(FORM) for name, value in headers)
    return PAIR.sub(_pair, body) if is_form else FIELD.sub(_field, body)


def _field(found: re.Match[bytes]) -> bytes:
    if not is_credential(found[1].decode("latin-1")):
        return found[0]
    return b'"%b"%b"%b"' % (found[1], found[2], REDACTED.encode())


def _pair(found: re.Match[bytes]) -> bytes:
    if not is_credential(found[2].decode("latin-1")):
        return found[0]
    return b"%b%b=%b" % (found[1], found[2], REDACTED.encode())
