"""The head of a request to a service."""

from dragoman.protocols.anthropic.extra import note
from dragoman.protocols.anthropic.request import Variant
from dragoman.types import ChatRequest, Headers

JSON = "application/json"
VERSION, BETA = "anthropic-version", "anthropic-beta"
"""Header fields that change what a body means."""
REQUEST_ID = "request-id"
"""The header of an answer that names its request."""


def headers_for(request: ChatRequest, variant: Variant, key: str | None, accept: str) -> Headers:
    """The fields; the caller's betas are passed on, because its body may need them."""
    headers = [("content-type", JSON), ("accept", accept), (VERSION, variant.version)]
    if betas := note(request.extra, BETA):
        headers.append((BETA, betas))
    if key:
        headers.append(("x-api-key", key))
    return tuple(headers)
