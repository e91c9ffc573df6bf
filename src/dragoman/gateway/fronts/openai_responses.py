"""OpenAI's Responses."""

from dragoman.client import Client
from dragoman.config import FrontConfig
from dragoman.gateway.fronts.endpoints import ChatEndpoint, is_clean
from dragoman.gateway.fronts.operations import CountEndpoint
from dragoman.gateway.fronts.table import Front, FrontMaker, Row
from dragoman.protocols.openai_responses import OpenAIResponsesServer, ResponsesCountServer

RESPONSES = "/v1/responses"
COUNT = f"{RESPONSES}/input_tokens"


def openai_responses(client: Client) -> Front:
    """The front of `/v1/responses`."""
    codec = OpenAIResponsesServer()
    rows = (
        Row("POST", RESPONSES, ChatEndpoint(client, codec, clean=is_clean(client, FrontConfig(), "clean"))),
        Row("POST", COUNT, CountEndpoint(client, ResponsesCountServer())),
    )
    return Front(codec, rows, prefix=RESPONSES, json=True)


OPENAI_RESPONSES = FrontMaker(lambda context: (openai_responses(context.client),))
