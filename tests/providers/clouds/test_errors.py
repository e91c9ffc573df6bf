"""What clouds say in place of an answer, as it was seen in public: their words arrive, and what they mean."""

import json
from collections.abc import Mapping
from typing import Any

import pytest

from dragoman import Client
from dragoman.errors import (
    AuthenticationError,
    DragomanError,
    ModelNotFoundError,
    PermissionDeniedError,
    RateLimitError,
    UnsupportedFeatureError,
    UpstreamError,
)
from tests.providers.clouds.fakes import CLOUDS, JSON
from tests.support.gateway import ask, running_gateway
from tests.support.server import Exchange, serve

ON_DEMAND = (
    "Invocation of model ID anthropic.claude-x with on-demand throughput isn\u2019t supported. "
    "Retry your request with the ID or ARN of an inference profile that contains this model."
)
QUOTA = "Quota exceeded for aiplatform.googleapis.com/online_prediction_requests_per_base_model with base model: x."
DENIED = "User: arn:aws:iam::1:user/x is not authorized to perform: bedrock:InvokeModel"
FAILED = "The system encountered an unexpected error during processing. Try your request again."
NOT_FOUND = "Publisher Model `projects/p/x` was not found or your project does not have access to it."
NOT_ALLOWED = "Project `1` is not allowed to use Publisher Model `projects/p/x`"
MALFORMED = "Malformed publisher model. The `model` argument should be of the form `publisher/model`."
NO_DEPLOYMENT = {
    "error": {"code": "DeploymentNotFound", "message": "The API deployment for this resource does not exist."}
}
NO_CHAT = "The chatCompletion operation does not work with the specified model, d. Please choose different model."
INVALID = "Authentication failed: Please make sure your API Key is valid."
AWS = "x-amzn-errortype"


def google(code: int, message: str, status: str) -> list[dict[str, Any]]:
    return [{"error": {"code": code, "message": message, "status": status}}]


def said(error: object) -> str:
    """The words of an error."""
    assert isinstance(error, dict)
    inner = error.get("error", error)
    return str(inner.get("message") or inner.get("Message"))


ERRORS: list[tuple[str, int, Mapping[str, str], Any, type[DragomanError]]] = [
    ("vertexanthropic", 429, {}, google(429, QUOTA, "RESOURCE_EXHAUSTED"), RateLimitError),
    ("vertexanthropic", 404, {}, google(404, NOT_FOUND, "NOT_FOUND"), ModelNotFoundError),
    ("vertexanthropic", 400, {}, google(400, NOT_ALLOWED, "FAILED_PRECONDITION"), ModelNotFoundError),
    ("vertexopenai", 400, {}, google(400, MALFORMED, "INVALID_ARGUMENT"), ModelNotFoundError),
    (
        "azureanthropic",
        404,
        {},
        NO_DEPLOYMENT,
        ModelNotFoundError,
    ),
    ("azure", 400, {}, {"error": {"code": "OperationNotSupported", "message": NO_CHAT}}, UnsupportedFeatureError),
    *(
        (name, status, headers, body, error)
        for name in ("bedrock", "bedrockresponses", "bedrockanthropic")
        for status, headers, body, error in (
            (403, {}, {"Message": "Bearer Token has expired"}, AuthenticationError),
            (403, {}, {"Message": "Invalid API Key format: Must start with pre-defined prefix"}, AuthenticationError),
            (
                403,
                {},
                {"Message": INVALID},
                AuthenticationError,
            ),
            (403, {AWS: "UnrecognizedClientException"}, {"message": "It is no good"}, AuthenticationError),
            (403, {}, {"message": "The security token included in the request is expired"}, AuthenticationError),
            (403, {AWS: "AccessDeniedException"}, {"Message": DENIED}, PermissionDeniedError),
            (400, {AWS: "ThrottlingException:http://x/"}, {"message": "Too many requests"}, RateLimitError),
            (400, {AWS: "ValidationException"}, {"message": ON_DEMAND}, ModelNotFoundError),
            (400, {}, {"message": "The provided model identifier is invalid."}, ModelNotFoundError),
            (424, {}, {"message": FAILED, "originalStatusCode": 500}, UpstreamError),
        )
    ),
]


@pytest.mark.parametrize(("name", "status", "headers", "body", "kind"), ERRORS)
async def test_an_error_says_what_the_service_says(
    name: str, status: int, headers: Mapping[str, str], body: Any, kind: type[DragomanError]
) -> None:
    async def refuses(exchange: Exchange) -> None:
        await exchange.reply(status, {**JSON, **headers}, json.dumps(body).encode())

    cloud = CLOUDS[name]
    async with serve(refuses) as service, Client(cloud.config(service.url)) as client:
        with pytest.raises(kind) as caught:
            await client.chat(f"up/{cloud.model}", "hi")
    assert type(caught.value) is kind
    assert caught.value.message == said(body[0] if isinstance(body, list) else body)
    assert caught.value.retryable is (kind in {RateLimitError, UpstreamError})


async def test_callers_of_the_same_protocol_hear_its_words_too() -> None:
    async def refuses(exchange: Exchange) -> None:
        await exchange.reply(429, JSON, json.dumps(google(429, QUOTA, "RESOURCE_EXHAUSTED")).encode())

    cloud = CLOUDS["vertexanthropic"]
    body = {"model": f"up/{cloud.model}", "max_tokens": 9, "messages": [{"role": "user", "content": "hi"}]}
    async with serve(refuses) as service, running_gateway(cloud.config(service.url)) as url:
        got = await ask(url, "POST", "/v1/messages", JSON, json.dumps(body | {"stream": True}).encode())
    error = json.loads(got.body)["error"]
    assert (got.status, error["type"], error["message"]) == (429, "rate_limit_error", QUOTA)
