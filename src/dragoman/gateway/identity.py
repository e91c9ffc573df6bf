"""Who asks: the keys that callers show. Knows no protocol and no server."""

from functools import lru_cache
from hashlib import sha256
from hmac import compare_digest
from urllib.parse import parse_qsl

from dragoman.errors import AuthenticationError, RequestError
from dragoman.types import Identity, ServerRequest
from dragoman.types.outcome import NOBODY

KEY_HEADERS = (b"authorization", b"x-api-key", b"api-key", b"x-goog-api-key")
"""Headers that carry a key: OpenAI's, Anthropic's, Azure's, Google's."""

KEY_FIELD = "key"
"""The field of a query that carries a key, as Google's APIs allow."""

MAX_VERIFIED = 10_000
"""Headers with a known key that are kept, so that a caller's next request costs no digest."""


class Keys:
    """The keys that callers may show; without any at the start, none is needed. Only digests are kept and compared."""

    def __init__(self, keys: tuple[str, ...]) -> None:
        self.required = bool(keys)
        """Whether a key must be shown. Once True, it stays True: if the last key is removed, nobody may call."""
        self.generation = 0
        """Raised by 1 when the keys change. What was admitted in an older generation must be admitted again."""
        self._digests: list[bytes] = []
        self._verified: dict[tuple[bytes, bytes], Identity] = {}
        self.replace(keys)

    def replace(self, keys: tuple[str, ...]) -> None:
        """From now on these are the keys: a request with any other is refused, on open connections too."""
        self.required = self.required or bool(keys)
        self.generation += 1
        self._digests = [_digest(key.encode()) for key in keys]
        self._verified.clear()

    def check(self, call: ServerRequest) -> Identity:
        """Who asks. Raises AuthenticationError unless a known key is shown, RequestError (400) for several keys."""
        carriers = [field for field in call.headers if field[0] in KEY_HEADERS]
        alone = len(carriers) == 1 and not call.query
        if alone and (verified := self._verified.get(carriers[0])) is not None:
            return verified
        shown = {key for name, value in carriers for key in _carried(name, value)} | _in_query(call.query)
        if len(shown) > 1:
            raise RequestError("expected one key, got different ones in different places", code="ambiguous_api_key")
        if not shown:
            raise AuthenticationError("expected a key of this gateway, as `Authorization: Bearer KEY`, got none")
        digest = _digest(shown.pop())
        # Every known key is compared, so that the time it takes does not show which one is near.
        if not sum([compare_digest(digest, known) for known in self._digests]):
            raise AuthenticationError("expected a key of this gateway, got one that is not known here")
        identity = Identity(_fingerprint(digest), known=True)
        if alone and len(self._verified) < MAX_VERIFIED:
            self._verified[carriers[0]] = identity
        return identity


def shown_by(call: ServerRequest) -> Identity:
    """Who asks: the first key in the headers or in the query, unchecked."""
    for name, value in call.headers:
        if name in KEY_HEADERS and (found := _shown_in(name, value)) is not NOBODY:
            return found
    if call.query and (keys := _in_query(call.query)):
        return Identity(_fingerprint(_digest(min(keys))))
    return NOBODY


@lru_cache(maxsize=1000)
def _shown_in(name: bytes, value: bytes) -> Identity:
    keys = _carried(name, value)
    return Identity(_fingerprint(_digest(keys[0]))) if keys else NOBODY


def _in_query(query: str) -> set[bytes]:
    if KEY_FIELD not in query:
        return set()
    return {value.encode() for name, value in parse_qsl(query) if name == KEY_FIELD}


def _fingerprint(digest: bytes) -> str:
    return digest.hex()[:8]


def _carried(name: bytes, value: bytes) -> list[bytes]:
    """The key in a header field; none if it is empty, as clients send it that have theirs in another field."""
    key = value.strip()
    if name == b"authorization":
        scheme, _, key = key.partition(b" ")
        key = key.strip() if scheme.lower() == b"bearer" else b""
    return [key] if key else []


def _digest(key: bytes) -> bytes:
    return sha256(key).digest()
