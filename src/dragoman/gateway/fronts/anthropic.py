"""Anthropic's API."""

from dragoman.client import Client
from dragoman.config import FrontConfig
from dragoman.gateway.fronts.endpoints import ChatEndpoint, is_clean
from dragoman.gateway.fronts.table import Front, Row
from dragoman.protocols.anthropic import AnthropicServer

MESSAGES = "/v1/messages"


def anthropic(client: Client) -> Front:
    """The front for Messages."""
    codec = AnthropicServer()
    chat = ChatEndpoint(client, codec, clean=is_clean(client, FrontConfig(), "clean"))
    return Front(codec, (Row("POST", MESSAGES, chat),), prefix=MESSAGES, json=True)
