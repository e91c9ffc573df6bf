"""What services write of a failure for which they have no code, or a vague one."""

import pytest

from dragoman.errors import (
    AuthenticationError,
    ContentFilterError,
    ContextLengthError,
    DragomanError,
    EndpointNotFoundError,
    InvalidRequestError,
    ModelNotFoundError,
    NoOperationError,
    OverloadedError,
    QuotaExhaustedError,
    RateLimitError,
    UnsupportedFeatureError,
    UpstreamError,
)
from dragoman.protocols.errors.status import error_for

TOO_LONG = [
    "Input is too long for requested model.",
    "This model's maximum prompt length is 131072 but the request contains 537812 tokens.",
    "The input (265330 tokens) is longer than the model's context length (262144 tokens).",
    "The decoder prompt (length 40000) is longer than the maximum model length of 32768.",
    "You passed 40001 input tokens and requested 1 output tokens. However, the model's context length is only 40000",
    "request (20000 tokens) exceeds the available context size (8192 tokens), try increasing it",
    "Context size has been exceeded.",
    "The number of tokens to keep from the initial prompt is greater than the context length.",
    "However, the model is loaded with context length of only 4096 tokens, which is not enough.",
    "invalid params, context window exceeds limit (2013)",
    "Invalid request: Your request exceeded model token limit: 262144 (requested: 300000)",
    "Prompt exceeds max length",
    "<400> InternalError.Algo.InvalidParameter: Range of input length should be [1, 129024]",
    "`inputs` must have less than 4096 tokens. Given: 5000",
    "Input validation error: `inputs` tokens + `max_new_tokens` must be <= 8193. Given: 9000 `inputs` tokens",
    "Requested input length 140000 exceeds maximum input length 131072",
    "Input length 140000 exceeds the maximum allowed input length of 131072 tokens.",
    "litellm.ContextWindowExceededError: litellm.BadRequestError: too much",
    "Please reduce the length of the messages or completion.",
    "Input tokens exceed the configured limit of 272000 tokens. Your messages resulted in 300000 tokens.",
    "The input token count is 1048586 but model only supports up to 1048576. Reduce the input token count.",
    "the input length exceeds the context length",
    "prompt too long; exceeded max context length by 1234 tokens",
    "Input length (160062 tokens) exceeds the maximum allowed length (59862 tokens).",
    "length of prompt_tokens (57535) must be less than max_seq_len (32768).",
    "Total tokens of image and text exceed max message tokens",
    "The estimated number of input and maximum output tokens (33000) exceeded this model context window limit (32768)",
    "prompt token count of 128001 exceeds the limit of 128000",
    "Prompt has 40000 tokens, but the configured context size is 32768 tokens",
    "Your input exceeds the model's context window",
    "input (15001 tokens) is too large to process. increase the physical batch size (current batch size: 512)",
]


@pytest.mark.parametrize("message", TOO_LONG)
@pytest.mark.parametrize("status", [400, 422, 500])
def test_a_conversation_that_is_too_long_is_known_in_every_wording(message: str, status: int) -> None:
    error = error_for(status, message, words=(None, "invalid_request_error"))
    assert (type(error), error.status, error.retryable) == (ContextLengthError, 400, False)


@pytest.mark.parametrize(
    ("status", "message"),
    [
        (
            413,
            "Request too large for model `x` on tokens per minute (TPM): Limit 6000, Requested 9000, please reduce it",
        ),
        (429, "Request too large for gpt-4o on tokens per min (TPM): Limit 30000, Requested 45000. It must be reduced"),
    ],
)
def test_no_wait_helps_a_request_that_is_larger_than_a_minute_allows(status: int, message: str) -> None:
    error = error_for(status, message, words=("rate_limit_exceeded", "tokens"))
    assert (type(error), error.status, error.retryable) == (ContextLengthError, 400, False)


KNOWN: list[tuple[int, str, str | None, type[DragomanError]]] = [
    (400, "Your credit balance is too low to access the Anthropic API.", None, QuotaExhaustedError),
    (
        400,
        "You have reached your specified API usage limits. You will regain access on 2026-12-01",
        None,
        QuotaExhaustedError,
    ),
    (400, "You have reached your specified workspace API usage limits.", None, QuotaExhaustedError),
    (400, "Access denied, please make sure your account is in good standing.", None, QuotaExhaustedError),
    (400, "Billing hard limit has been reached", "billing_hard_limit_reached", QuotaExhaustedError),
    (429, "Your account is not active, please check your billing details.", "billing_not_active", QuotaExhaustedError),
    (429, "Your account is suspended, please check your plan", "exceeded_current_quota_error", QuotaExhaustedError),
    (429, "Insufficient balance or no resource package. Please recharge.", "1113", QuotaExhaustedError),
    (429, "Your prepayment credits are depleted.", None, QuotaExhaustedError),
    (429, "Your team 0-1 has either used all available credits or reached its limit", None, QuotaExhaustedError),
    (429, "Your team has either used all available credits", "rate_limit_exceeded", QuotaExhaustedError),
    (429, "you (who) have reached your weekly usage limit, upgrade for higher limits", None, QuotaExhaustedError),
    (429, "you have reached your session usage limit", None, QuotaExhaustedError),
    (429, "Usage limit reached for 5 hour. Your limit will reset at 2026-11-28", "1308", QuotaExhaustedError),
    (429, "[1308][Usage limit reached for 5 hour. Your limit will reset at 2026-11-28]", None, QuotaExhaustedError),
    (429, "spent", "enforced_spend_limit_reached", QuotaExhaustedError),
    (403, "You've reached your weekly (7-day) usage limit. Your quota will be refreshed", None, QuotaExhaustedError),
    (429, "You’ve reached your monthly usage limit", None, QuotaExhaustedError),
    (429, "Weekly usage limit reached. Resets in 19hr", None, QuotaExhaustedError),
    (429, "Rate limit exceeded", "FreeUsageLimitError", QuotaExhaustedError),
    (
        400,
        "Incorrect API key provided: …. You can obtain an API key from https://console.x.ai.",
        None,
        AuthenticationError,
    ),
    (400, "API key not valid. Please pass a valid API key.", None, AuthenticationError),
    (400, "Model Not Exist", "invalid_request_error", ModelNotFoundError),
    (400, "foo/bar is not a valid model ID", None, ModelNotFoundError),
    (400, "Invalid model: x", "invalid_model", ModelNotFoundError),
    (400, "The model `x` has been decommissioned", "model_decommissioned", ModelNotFoundError),
    (404, "The API deployment for this resource does not exist.", "DeploymentNotFound", ModelNotFoundError),
    (400, "Unknown Model, please check the model code.", "1211", ModelNotFoundError),
    (400, "The requested model is not supported.", "model_not_supported", ModelNotFoundError),
    (
        400,
        "/chat/completions: Invalid model name passed in model=x. Call `/v1/models` to view available models",
        "400",
        ModelNotFoundError,
    ),
    (400, "Output blocked by content filtering policy", None, ContentFilterError),
    (500, "Our servers are currently overloaded.", "server_is_overloaded", OverloadedError),
    (500, "Slow down", "slow_down", OverloadedError),
    (
        500,
        "image input is not supported - hint: if this is unexpected, you may need to provide the mmproj",
        "server_error",
        UnsupportedFeatureError,
    ),
    (500, "audio input is not supported - hint: if this is unexpected", "server_error", UnsupportedFeatureError),
    (
        501,
        "This server does not support embeddings. Start it with `--embeddings`",
        "not_supported_error",
        NoOperationError,
    ),
    (501, "this model does not support embeddings", None, NoOperationError),
]


@pytest.mark.parametrize(("status", "message", "code", "kind"), KNOWN)
def test_words_say_what_a_status_hides(status: int, message: str, code: str | None, kind: type[DragomanError]) -> None:
    assert type(error_for(status, message, words=(code, "invalid_request_error"))) is kind


OTHERS: list[tuple[int, str, str | None, type[DragomanError]]] = [
    (
        429,
        "Rate limit reached for gpt-4 on tokens per min (TPM): Limit 10000, Used 9999.",
        "rate_limit_exceeded",
        RateLimitError,
    ),
    (429, "You exceeded your current quota, please check your plan and billing details.", None, RateLimitError),
    (429, "Too many tokens, please wait before trying again.", None, RateLimitError),
    (400, "max_tokens is too large: 100000. This model supports at most 16384 tokens", None, InvalidRequestError),
    (400, "Image size exceeds the limit of 5 MB", None, InvalidRequestError),
    (413, "Request Entity Too Large", None, InvalidRequestError),
    (500, "unknown model architecture: 'x'", None, UpstreamError),
    (404, "Not Found", None, EndpointNotFoundError),
]


@pytest.mark.parametrize(("status", "message", "code", "kind"), OTHERS)
def test_other_failures_are_not_taken_for_these(
    status: int, message: str, code: str | None, kind: type[DragomanError]
) -> None:
    assert type(error_for(status, message, words=(code,))) is kind


@pytest.mark.parametrize(
    "echoed", ["your credit balance is too low", "incorrect api key provided", "insufficient balance"]
)
def test_a_caller_cannot_make_a_service_seem_to_refuse_the_key(echoed: str) -> None:
    error = error_for(400, f"Invalid value: '{echoed}'. Supported values are: 'low', 'high'.", words=("invalid_value",))
    assert type(error) is InvalidRequestError
