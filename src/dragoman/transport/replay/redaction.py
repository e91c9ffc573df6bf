"""Removes credentials from requests and replies that are recorded. Knows no vendor and no file."""

import re
from collections.abc import Iterable, Iterator, Sequence
from urllib.parse import parse_qsl, urlsplit

from dragoman.types import Headers, HttpRequest

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

SHORTEST = 8
"""Characters of a credential that is looked for in replies: a shorter one may be a word of any answer."""

SAID = rb'"(?:[^"\\]|\\.)+"|-?[0-9][0-9.eE+-]*'
FIELD = re.compile(rb'"([\w-]{1,64})"(\s*:\s*)(' + SAID + rb")")
"""A field of JSON text and its value. A field that is quoted in a text does not match: its quotes are escaped."""

PAIR = re.compile(rb"(^|&)([^=&]{1,64})=[^&]+")
"""A field of a form."""

FORM = "application/x-www-form-urlencoded"


def is_credential(name: str) -> bool:
    """Whether a header, a parameter or a field of this name holds a credential."""
    return NAMES.fullmatch(name.lower().replace("-", "").replace("_", "")) is not None


def redacted_headers(headers: Headers) -> Headers:
    """`headers` with the values of those that hold credentials replaced."""
    return tuple((name, REDACTED if _is_key(name) else value) for name, value in headers)


def _is_key(name: str) -> bool:
    """Whether a header holds a credential: any that ends in `key` does. A body's `prompt_cache_key` does not."""
    return is_credential(name) or name.lower().endswith("key")


def redacted_body(body: bytes, headers: Headers) -> bytes:
    """A request's body with its credentials replaced; all other bytes are unchanged."""
    return PAIR.sub(_pair, body) if _is_form(headers) else FIELD.sub(_field, body)


def credentials(request: HttpRequest) -> Iterator[bytes]:
    """The credentials in a request that are long enough to be looked for in replies."""
    values = [value for name, value in request.headers if _is_key(name)]
    values += [value for name, value in parse_qsl(urlsplit(request.url).query) if is_credential(name)]
    found = [word.encode("utf-8", "replace") for value in values for word in (value, value.rpartition(" ")[2])]
    if _is_form(request.headers):
        found += [pair[0].partition(b"=")[2] for pair in PAIR.finditer(request.body) if _is_named(pair[2])]
    else:
        found += [field[3].strip(b'"') for field in FIELD.finditer(request.body) if _is_named(field[1])]
    return (value for value in found if len(value) >= SHORTEST)


def redacted_pieces(pieces: Sequence[bytes], secrets: Iterable[bytes]) -> list[bytes]:
    """The pieces of a body without `secrets`, each as long as before, because a secret may lie in two of them."""
    body = whole = b"".join(pieces)
    for secret in sorted(secrets, key=len, reverse=True):
        body = body.replace(secret, REDACTED.encode()[: len(secret)].ljust(len(secret), b"*"))
    if body == whole:
        return list(pieces)
    ends = [0]
    for piece in pieces:
        ends.append(ends[-1] + len(piece))
    return [body[ends[i] : ends[i + 1]] for i in range(len(pieces))]


def _is_form(headers: Headers) -> bool:
    return any(name.lower() == "content-type" and value.lower().startswith(FORM) for name, value in headers)


def _is_named(name: bytes) -> bool:
    return is_credential(name.decode("latin-1"))


def _field(found: re.Match[bytes]) -> bytes:
    if not _is_named(found[1]):
        return found[0]
    return b'"%b"%b"%b"' % (found[1], found[2], REDACTED.encode())


def _pair(found: re.Match[bytes]) -> bytes:
    if not _is_named(found[2]):
        return found[0]
    return b"%b%b=%b" % (found[1], found[2], REDACTED.encode())
