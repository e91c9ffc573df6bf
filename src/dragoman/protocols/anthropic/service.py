"""The head of a request to a service."""

from dragoman.protocols.anthropic.extra import note
from dragoman.protocols.anthropic.request import Variant
from dragoman.protocols.model_path import escaped
from dragoman.types import ChatRequest, Headers

JSON = "application/json"
VERSION, BETA = "anthropic-version", "anthropic-beta"
"""Header fields that change what a body means."""
MESSAGES = "/v1/messages"
PUBLISHED = "/publishers/anthropic/models/"
WHOLE, STREAM = "rawPredict", "streamRawPredict"
"""Paths below a service's URL. Those of Vertex AI: https://platform.claude.com/docs/en/build-with-claude/
claude-on-vertex-ai, anthropics/anthropic-sdk-python (src/anthropic/lib/vertex/_client.py), seen 2026-11-29"""
REQUEST_ID = "request-id"
"""The header of an answer that names its request."""


def headers_for(request: ChatRequest, variant: Variant, key: str | None, accept: str) -> Headers:
    """The fields; the caller's betas are passed on, because its body may need them."""
    headers = [("content-type", JSON), ("accept", accept), (VERSION, variant.version)]
    if betas := note(request.extra, BETA):
        headers.append((BETA, betas))
    return (*headers, *variant.carrier.headers(key))


def chat_url(url: str, variant: Variant, model: str, *, stream: bool) -> str:
    """Where a service at `url` is asked. Raises ModelNotFoundError if a path cannot name the model."""
    if not variant.body_version:
        return f"{url}{MESSAGES}"
    return f"{url}{PUBLISHED}{escaped(model, model)}:{STREAM if stream else WHOLE}"


def count_url(url: str, variant: Variant) -> str:
    """Where it counts tokens."""
    return f"{url}{PUBLISHED}count-tokens:{WHOLE}" if variant.body_version else f"{url}{MESSAGES}/count_tokens"
