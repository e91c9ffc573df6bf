"""What the recorded chat sites ask of a caller (JSON, a password, a signature), and how they say no. Knows no site."""

from hmac import compare_digest
from math import ceil
from typing import Any

from msgspec import Struct

from dragoman.errors import AuthenticationError, DragomanError, InvalidRequestError, RequestError
from dragoman.protocols.webchat.signature import sign
from dragoman.types import Headers, ServerRequest, ServerResponse
from dragoman.wire import javascript

PLAIN: Headers = (("content-type", "text/plain;charset=UTF-8"),)
"""What the sites say of their own JSON."""

EMPTY_500 = "bare"
"""The code of a failure that the sites answer with status 500 and nothing else: their own program broke."""

PASSWORD, SIGNATURE = "invalid_password", "invalid_signature"  # codes of errors


def site_crash(reason: str) -> InvalidRequestError:
    """The error for a request on which the sites' own program breaks."""
    return InvalidRequestError(reason, status=500, code=EMPTY_500)


def parse(call: ServerRequest) -> dict[str, Any]:
    """The fields of the caller's JSON; none if it is a value that has no fields.

    Raises the bare error, and InvalidRequestError for JSON that other readers may not take.
    """
    try:
        value = javascript.parse_request(call.body)
    except ValueError as exc:
        raise site_crash("the body is not JSON") from exc
    if value is None:
        raise site_crash("expected an object, got null")
    return value if isinstance(value, dict) else {}


class SiteAuth(Struct, frozen=True):
    """A site's secret, and its password: none, one, or several between commas."""

    secret: str = ""
    password: str | None = None

    def opens(self, word: object) -> bool:
        """Whether `word` is the whole password or one of its entries; anything is where none is set."""
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
        """Raises AuthenticationError unless `sign` is that of `time`, as JavaScript prints it, and `text`."""
        time = javascript.string(fields.get("time", javascript.UNDEFINED))
        word = fields.get("sign")
        if not isinstance(word, str) or not _same(word, sign(time, text, self.secret)):
            raise AuthenticationError("Invalid signature.", code=SIGNATURE)

    def auth(self, call: ServerRequest, *, key_shown: bool = False) -> ServerResponse:
        """The answer to `/api/auth`: code 0 if the password opens or none need be shown, else -1."""
        try:
            password = parse(call).get("pass")
            code = 0 if key_shown or self.opens(password) else -1
        except InvalidRequestError as error:
            return refusal(error)
        return ServerResponse(headers=PLAIN, body=javascript.stringify({"code": code}))


def is_own(error: DragomanError) -> bool:
    """Whether `error` is the site's own no, and not its upstream's: those carry a provider's name."""
    return error.code in {PASSWORD, SIGNATURE} or (isinstance(error, RequestError) and error.provider is None)


def refusal(error: DragomanError) -> ServerResponse:
    """The site's own no."""
    if error.code == EMPTY_500:
        return ServerResponse(status=error.status)
    return ServerResponse(
        status=error.status, headers=PLAIN, body=javascript.stringify({"error": {"message": error.message}})
    )


def retry_after_header(error: DragomanError) -> Headers:
    """When to come again, where that is known. The recorded sites keep it to themselves."""
    if error.retry_after is not None:
        return (("retry-after", str(ceil(error.retry_after))),)
    return ()


def _same(one: str, other: str) -> bool:
    return compare_digest(one.encode("utf-8", "surrogatepass"), other.encode("utf-8", "surrogatepass"))
