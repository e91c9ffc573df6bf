"""HTTP statuses and error codes to the tree of errors. Knows no vendor; several share these codes."""

from collections.abc import Mapping

from dragoman.errors import (
    AuthenticationError,
    ContentFilterError,
    ContextLengthError,
    DragomanError,
    EndpointNotFoundError,
    InvalidRequestError,
    ModelNotFoundError,
    OpaqueStateError,
    OverloadedError,
    PermissionDeniedError,
    QuotaExhaustedError,
    RateLimitError,
    TruncatedStreamError,
    UnsupportedFeatureError,
    UpstreamError,
)
from dragoman.protocols.errors.phrases import PHRASES, Phrases, meant
from dragoman.protocols.errors.waits import retry_after, wait_in
from dragoman.types import ResponseHead

STATUS: dict[int, type[DragomanError]] = {
    400: InvalidRequestError,
    401: AuthenticationError,
    402: QuotaExhaustedError,
    403: PermissionDeniedError,
    404: EndpointNotFoundError,
    413: InvalidRequestError,
    422: InvalidRequestError,
    429: RateLimitError,
    498: OverloadedError,  # Groq, if its flexible tier is full: https://console.groq.com/docs/errors
    503: OverloadedError,
    529: OverloadedError,
}
"""Status to class; any other status is an UpstreamError."""

ERROR_CODES: dict[str, type[DragomanError]] = {
    "insufficient_quota": QuotaExhaustedError,
    "billing_error": QuotaExhaustedError,
    "billing_not_active": QuotaExhaustedError,
    "billing_hard_limit_reached": QuotaExhaustedError,
    "enforced_spend_limit_reached": QuotaExhaustedError,
    "exceeded_current_quota_error": QuotaExhaustedError,
    "usage_not_included": QuotaExhaustedError,
    "INSUFFICIENT_BALANCE": QuotaExhaustedError,  # Sub2API, with 403: Wei-Shaw/sub2api#890
    "GoUsageLimitError": QuotaExhaustedError,  # opencode's plans: Gitlawb/openclaude#1749
    "FreeUsageLimitError": QuotaExhaustedError,
    "context_length_exceeded": ContextLengthError,
    "exceed_context_size_error": ContextLengthError,
    "model_max_prompt_tokens_exceeded": ContextLengthError,
    "content_filter": ContentFilterError,
    "content_policy_violation": ContentFilterError,
    "model_not_found": ModelNotFoundError,
    "model_not_supported": ModelNotFoundError,
    "model_decommissioned": ModelNotFoundError,
    "invalid_model": ModelNotFoundError,
    "unknown_model": ModelNotFoundError,
    "DeploymentNotFound": ModelNotFoundError,  # Azure, whose models are asked for by the names of deployments
    "OperationNotSupported": UnsupportedFeatureError,  # Azure, of a model that Chat does not reach: Responses may
    "rate_limit_exceeded": RateLimitError,
    "rate_limit_error": RateLimitError,
    "invalid_api_key": AuthenticationError,
    "authentication_error": AuthenticationError,
    "permission_error": PermissionDeniedError,
    "overloaded_error": OverloadedError,
    "server_is_overloaded": OverloadedError,
    "slow_down": OverloadedError,
    "ThrottlingException": RateLimitError,
    "ExpiredTokenException": AuthenticationError,
    "UnrecognizedClientException": AuthenticationError,
    "ServiceUnavailableException": OverloadedError,
    "ModelNotReadyException": OverloadedError,
    OverloadedError.code: OverloadedError,
    TruncatedStreamError.code: TruncatedStreamError,
    OpaqueStateError.code: OpaqueStateError,
}
"""A service's `code` or `type`, more exact than its status. AWS's end with `Exception`. The last three are ours, of
another dragoman."""

OURS: dict[str, int] = {
    each.code: each.status
    for each in (InvalidRequestError, UnsupportedFeatureError, PermissionDeniedError, EndpointNotFoundError)
}
"""Further codes of ours, to the status that is meant: for a failure that has no other, because its answer had begun."""

AWS_TYPE = "x-amzn-errortype"
"""Where AWS has such a word: `ThrottlingException:http://…`, also with 400 (anthropics/anthropic-sdk-python#1289)."""

VAGUE = frozenset({RateLimitError})
"""What services also say if a request is too large for any wait, or money is spent: their words are more exact."""

WAITED = (RateLimitError, OverloadedError)
"""Errors whose words may say when to try again."""

KEPT: frozenset[type[DragomanError]] = frozenset({InvalidRequestError, OpaqueStateError, UpstreamError})
"""Errors that keep the service's own status; all others have one meaning, and so one status."""

OF_CONNECTION = frozenset({407, 421})
"""Statuses that HTTP clients take for one of their own connection: after 407 the `fetch` of Node (20, 2026-11) shows no
answer at all, and after 421 it sends the request once more. Callers get 502."""

AGAIN = frozenset({408, 409, 424, 425})
"""Statuses below 500 without a class of their own after which the same request may succeed. With 424 Bedrock says that
its model has failed: anthropics/anthropic-sdk-python#432."""

AGAIN_WORDS: Mapping[str | None, bool] = {"true": True, "false": False}
"""Values of `x-should-retry`, which OpenAI, Anthropic and other gateways send: it is more exact than any status."""


def error_for(
    status: int,
    message: str,
    *,
    words: tuple[str | None, ...] = (),
    head: ResponseHead | None = None,
    phrases: Phrases = PHRASES,
) -> DragomanError:
    """The most exact error for a service's failure. `words`: its code and type, the more exact one first.

    `phrases`: what only services of one protocol write.
    """
    if head is not None and (said := head.header(AWS_TYPE)):
        words = (*words, said.partition(":")[0])
    kind = _kind(status, message, words, phrases)
    kept = kind in KEPT and 400 <= status < (600 if kind is UpstreamError else 500)
    shown = status if kept and status not in OF_CONNECTION else None
    error = kind(message, status=shown, retry_after=retry_after(head) if head else None)
    if error.retry_after is None and kind in WAITED:
        error.retry_after = wait_in(message)
    if kind is UpstreamError and kept and status < 500:
        error.retryable = status in AGAIN
    again = None if head is None else head.header("x-should-retry")
    if again in AGAIN_WORDS:
        error.retryable = AGAIN_WORDS[again]
    return error


def _kind(status: int, message: str, words: tuple[str | None, ...], phrases: Phrases) -> type[DragomanError]:
    known = [ERROR_CODES[word] for word in words if word in ERROR_CODES]
    if exact := [kind for kind in known if kind not in VAGUE]:
        return exact[0]
    text = " ".join((message, *filter(None, words))).lower().replace("`", "")
    found = meant(status, text, phrases) or next(iter(known), None)
    if found is None and status == 404 and "model" in text:
        return ModelNotFoundError
    return found or STATUS.get(status, UpstreamError)
