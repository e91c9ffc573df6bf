"""The tree of errors: what went wrong, whose fault it was, and whether to try again.

    DragomanError
    ├── ConfigurationError               a setting is wrong: file, line, key
    ├── StoreError                       what is kept cannot be read or written: locked, full, damaged
    ├── RequestError                     the caller's
    │   ├── InvalidRequestError          400  malformed, out of range, of a wrong type
    │   │   └── OpaqueStateError         400  the service refuses opaque state that was sent back to it
    │   ├── ModelNotFoundError           404  no such model, here or at the service
    │   ├── TurnLimitError               400  a model calls tools on and on
    │   └── UnsupportedFeatureError      400  the target cannot express it: a grave loss, or any with `strict`
    │       └── NoOperationError         400  it has no embeddings, or none of tokens
    ├── UpstreamError                    the service's (5xx that say no more are this class itself)
    │   ├── AuthenticationError          401  the key, password or signature was refused
    │   ├── EndpointNotFoundError        404  the service has nothing at this path
    │   ├── PermissionDeniedError        403
    │   ├── RateLimitError               429
    │   ├── QuotaExhaustedError          429  money or quota is used up; waiting does not help
    │   ├── ContextLengthError           400  the conversation is too long for the model
    │   ├── ContentFilterError           400  refused by a filter
    │   ├── OverloadedError              503  (529 at some services)
    │   ├── BadEventError                502  an answer that is not of the protocol
    │   ├── OutputError                  502  the answer is no value of the type that was asked for
    │   └── TruncatedStreamError         502  the answer broke off
    └── TransportError                   the network's
        ├── ConnectError                 502  no connection: refused, unknown host, TLS, proxy
        └── TimeoutError                 504  `phase` says which wait was too long

What every error has is documented at DragomanError. Messages hold no key and no prompt.
"""

from collections.abc import Mapping
from functools import partial
from types import MappingProxyType
from typing import Any, ClassVar, Literal, NamedTuple

__all__ = [
    "Attempt",
    "AuthenticationError",
    "BadEventError",
    "ConfigurationError",
    "ConnectError",
    "ContentFilterError",
    "ContextLengthError",
    "DragomanError",
    "EndpointNotFoundError",
    "InvalidRequestError",
    "ModelNotFoundError",
    "NoOperationError",
    "OpaqueStateError",
    "OutputError",
    "OverloadedError",
    "PermissionDeniedError",
    "QuotaExhaustedError",
    "RateLimitError",
    "RequestError",
    "StoreError",
    "TimeoutError",
    "TransportError",
    "TruncatedStreamError",
    "TurnLimitError",
    "UnsupportedFeatureError",
    "UpstreamError",
]

Phase = Literal["pool", "connect", "tls", "proxy", "first_byte", "first_token", "idle", "total"]


class Attempt(NamedTuple):
    """A target that was asked and failed: its name, `provider/model`, and the error's code, status and words.

    `upstream_status`: the HTTP status of the service's reply; None if there was none. `asked_at`, `failed_at`: when, in
    seconds of the monotonic clock; None if that is not known. `maybe_billed`: whether the service may charge for it.
    """

    target: str
    code: str
    status: int
    words: str
    upstream_status: int | None = None
    asked_at: float | None = None
    failed_at: float | None = None
    maybe_billed: bool = False


SENT: frozenset[Phase] = frozenset({"first_byte", "first_token", "idle", "total"})
"""Waits of a request that has been sent."""

NOT_BEGUN = frozenset({503, 529})
"""Statuses from 500 on of services that have not begun to work on a request."""


class DragomanError(Exception):
    """Anything that this library raises on purpose."""

    status: int = 500
    """The HTTP status that callers get with it."""
    retryable: bool = False
    """Whether the same request may succeed later or at another target."""
    code: str = "internal_error"
    """A stable name of the failure, for programs."""
    type: ClassVar[str] = "server_error"
    """The class of failures that it belongs to, in OpenAI's words."""
    native_code: str | None = None
    """The service's own code, if it gave one that says more than ours."""
    native_type: str | None = None
    """The service's own type."""
    extra: Mapping[str, Mapping[str, Any]] = MappingProxyType({})
    """Further fields of the service's error object, by protocol: given back to callers of that protocol."""
    tail: ClassVar[str] = ""
    """What callers are told after our own words: pi knows by words alone, and by no code, that another try is worth it
    (0.74.2, 2026-11-29)."""
    told_by: str | None = None
    """The protocol in which a service reported it; None if the message is not a service's."""
    attempts: tuple[Attempt, ...] = ()
    """The targets that failed, in the order in which they were asked; empty if none is known to have been."""
    upstream_status: int | None = None
    """The HTTP status of the service's reply; None if there was none."""
    sent: bool = False
    """Whether the request had been sent when it failed without a reply."""
    request_id: str = ""
    """The id of the request that failed, for callers whose protocol has a place for it: the service's own if it gave
    one, else the gateway's."""

    def __init__(
        self,
        message: str,
        *,
        status: int | None = None,
        code: str | None = None,
        provider: str | None = None,
        retry_after: float | None = None,
        param: str | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.provider = provider
        """The name of the provider that failed, if it is known."""
        self.retry_after = retry_after
        """Seconds to wait, if the service named them."""
        self.param = param
        """The field that is wrong, if it is known."""
        if status is not None:
            self.status = status
        if code is not None:
            self.code = code

    def __str__(self) -> str:
        return f"{self.provider}: {self.message}" if self.provider else self.message

    def words_for(self, protocol: str) -> str:
        """What a caller of `protocol` is told.

        If the service reported it in this protocol, these are its own words, and nothing else: agents know by them what
        to leave out when they ask again.
        """
        if self.told_by == protocol:
            return self.message
        return str(self) if self.told_by else f"{self}{self.tail}"

    def attempt(self, target: str, asked_at: float | None = None, failed_at: float | None = None) -> Attempt:
        """A record that `target` failed with this error. Keeps no traceback, which would keep all its objects alive."""
        billed = self.maybe_billed
        return Attempt(target, self.code, self.status, self.message, self.upstream_status, asked_at, failed_at, billed)

    @property
    def maybe_billed(self) -> bool:
        """Whether the service may have worked on the request, and may charge for it."""
        status = self.upstream_status
        if status is None:
            return self.sent
        return 200 <= status < 300 or (status >= 500 and status not in NOT_BEGUN)


class ConfigurationError(DragomanError):
    """A setting is wrong: each line of the message names a file, a line, a key, and the nearest known key."""

    code = "bad_configuration"


class StoreError(DragomanError):
    """A file in which something is kept cannot be read or written: it is locked, full or damaged."""

    code = "store_error"


class RequestError(DragomanError):
    """The caller's request cannot be served as it is."""

    status = 400
    code = "invalid_request"
    type = "invalid_request_error"


class InvalidRequestError(RequestError):
    """A request that is malformed, or has a value out of range or of a wrong type."""


class OpaqueStateError(InvalidRequestError):
    """The service refuses opaque state that was sent back to it: it is another model's, or its turn was changed."""

    code = "invalid_opaque_state"


class ModelNotFoundError(RequestError):
    """No such model, here or at the service."""

    status = 404
    code = "model_not_found"


class TurnLimitError(RequestError):
    """A model called tools in as many answers as it was allowed, and is not at its end."""

    code = "too_many_turns"


class UnsupportedFeatureError(RequestError):
    """The target cannot express what was asked, and the loss is too grave, or `strict` is set; or it reads no image."""

    code = "unsupported_feature"
    refused: tuple[str, ...] = ()
    """The names of the losses that are always refused."""


class NoOperationError(UnsupportedFeatureError):
    """The target has no embeddings, or none of texts that are cut into tokens."""


class UpstreamError(DragomanError):
    """The service answered with a failure."""

    status = 502
    retryable = True
    code = "upstream_error"
    type = "upstream_error"


class AuthenticationError(UpstreamError):
    """The key, password or signature was refused."""

    status = 401
    retryable = False
    code = "invalid_api_key"
    type = "authentication_error"


class PermissionDeniedError(UpstreamError):
    """The key is known, and may not do this."""

    status = 403
    retryable = False
    code = "permission_denied"
    type = "permission_error"


class EndpointNotFoundError(UpstreamError):
    """The service has nothing at this path, whatever the model: its `url` is wrong."""

    status = 404
    retryable = False
    code = "unknown_path"
    type = "not_found_error"


class RateLimitError(UpstreamError):
    """Too many requests."""

    status = 429
    code = "rate_limit_exceeded"
    type = "rate_limit_error"


class QuotaExhaustedError(UpstreamError):
    """Money or quota is used up; waiting does not help."""

    status = 429
    retryable = False
    code = "insufficient_quota"
    type = "insufficient_quota"


class ContextLengthError(UpstreamError):
    """The conversation is too long for the model."""

    status = 400
    retryable = False
    code = "context_length_exceeded"
    type = "invalid_request_error"


class ContentFilterError(UpstreamError):
    """Refused by a filter."""

    status = 400
    retryable = False
    code = "content_filter"
    type = "invalid_request_error"


class OverloadedError(UpstreamError):
    """The service has no capacity now."""

    status = 503
    code = "overloaded"
    type = "overloaded_error"


class BadEventError(UpstreamError):
    """The answer is not of the protocol that was asked for."""

    code = "upstream_bad_event"


class OutputError(UpstreamError):
    """The answer is no value of the type that was asked for."""

    code = "invalid_output"
    text: str = ""
    """The answer's text."""


class TruncatedStreamError(UpstreamError):
    """The answer broke off: what has arrived is valid, but incomplete."""

    code = "truncated"
    sent = True
    tail = "; the stream ended without the rest"


class TransportError(DragomanError):
    """The network failed."""

    status = 502
    retryable = True
    code = "transport_error"
    type = "upstream_error"
    sent = True


class ConnectError(TransportError):
    """No connection: refused, unknown host, TLS or proxy."""

    code = "connect_error"
    sent = False


class TimeoutError(TransportError):
    """A wait was too long; `phase` says which."""

    status = 504
    code = "timeout"
    type = "timeout_error"
    tail = ": timed out"

    def __init__(
        self,
        message: str,
        *,
        phase: Phase,
        status: int | None = None,
        code: str | None = None,
        provider: str | None = None,
        retry_after: float | None = None,
    ) -> None:
        super().__init__(message, status=status, code=code, provider=provider, retry_after=retry_after)
        self.phase, self.sent = phase, phase in SENT

    def __reduce__(self) -> tuple[object, ...]:
        # Copying and pickling an exception calls its class with `args` alone, which hold no phase.
        return partial(type(self), phase=self.phase), self.args, self.__dict__
