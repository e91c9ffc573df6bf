"""OpenAI's Responses."""

from dragoman.client import Client
from dragoman.config import FrontConfig
from dragoman.gateway.fronts.endpoints import ChatEndpoint, is_clean
from dragoman.gateway.fronts.table import Front, Row
from dragoman.protocols.openai_responses import OpenAIResponsesServer

RESPONSES = "/v1/responses"


def openai_responses(client: Client) -> Front:
    """The front of `/v1/responses`."""
    codec = OpenAIResponsesServer()
    endpoint = ChatEndpoint(client, codec, clean=is_clean(client, FrontConfig(), "clean"))
    return Front(codec, (Row("POST", RESPONSES, endpoint),), prefix=RESPONSES, json=True)
