"""What the recorded chat sites require (JSON, a password, a signature), and how they refuse. Knows no site."""

from hmac import compare_digest
from math import ceil
from typing import Any

from msgspec import Struct

from dragoman.errors import AuthenticationError, DragomanError, InvalidRequestError, RequestError
from dragoman.protocols.webchat.signature import sign
from dragoman.types import Headers, ServerRequest, ServerResponse
from dragoman.wire import javascript

PLAIN: Headers = (("content-type", "text/plain;charset=UTF-8"),)
"""The media type that the sites give their own JSON."""

EMPTY_500 = "bare"
"""The code of a failure that the sites answer with status 500 and an empty body: their own program crashed."""

PASSWORD, SIGNATURE = "invalid_password", "invalid_signature"  # codes of errors


def site_crash(reason: str) -> InvalidRequestError:
    """The error for a request on which the sites' own program crashes."""
    return InvalidRequestError(reason, status=500, code=EMPTY_500)


def parse(call: ServerRequest) -> dict[str, Any]:
    """The fields of the caller's JSON; empty if it is a value without fields.

    Raises the bare error, and InvalidRequestError for JSON that other readers may refuse.
    """
    try:
        value = javascript.parse_request(call.body)
    except ValueError as exc:
        raise site_crash("the body is not JSON") from exc
    if value is None:
        raise site_crash("expected an object, got null")
    return value if isinstance(value, dict) else {}


class SiteAuth(Struct, frozen=True):
    """A site's secret, and its password: none, one, or several with commas between them."""

    secret: str = ""
    password: str | None = None

    def opens(self, word: object) -> bool:
        """Whether `word` is the whole password or one of its entries. If no password is set, every word opens."""
        if not self.password:
            return True
        if not isinstance(word, str):
            return False
        entries = {self.password, *self.password.split(",")} - {""}
        return sum([_same(word, entry) for entry in entries]) > 0

    def check_password(self, word: object) -> None:
        """Raises AuthenticationError."""
        if not self.opens(word):
            raise AuthenticationError("Invalid password.", code=PASSWORD)

    def check_signature(self, fields: dict[str, Any], text: str) -> None:
        """Raises AuthenticationError unless `sign` is the signature of `time`, as JavaScript prints it, and `text`."""
        time = javascript.string(fields.get("time", javascript.UNDEFINED))
        word = fields.get("sign")
        if not isinstance(word, str) or not _same(word, sign(time, text, self.secret)):
            raise AuthenticationError("Invalid signature.", code=SIGNATURE)

    def auth(self, call: ServerRequest, *, key_shown: bool = False) -> ServerResponse:
        """The answer to `/api/auth`: code 0 if the password is right or not needed, else -1."""
        try:
            password = parse(call).get("pass")
            code = 0 if key_shown or self.opens(password) else -1
        except InvalidRequestError as error:
            return refusal(error)
        return ServerResponse(headers=PLAIN, body=javascript.stringify({"code": code}))


def is_own(error: DragomanError) -> bool:
    """Whether `error` is the site's own: an upstream's has a provider's name."""
    return error.code in {PASSWORD, SIGNATURE} or (isinstance(error, RequestError) and error.provider is None)


def refusal(error: DragomanError) -> ServerResponse:
    """The response to the site's own error."""
    if error.code == EMPTY_500:
        return ServerResponse(status=error.status)
    return ServerResponse(
        status=error.status, headers=PLAIN, body=javascript.stringify({"error": {"message": error.message}})
    )


def retry_after_header(error: DragomanError) -> Headers:
    """`retry-after`, if the time is known. The recorded sites do not send it."""
    if error.retry_after is not None:
        return (("retry-after", str(ceil(error.retry_after))),)
    return ()


def _same(one: str, other: str) -> bool:
    return compare_digest(one.encode("utf-8", "surrogatepass"), other.encode("utf-8", "surrogatepass"))
