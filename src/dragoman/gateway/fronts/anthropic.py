"""Anthropic's API."""

from dragoman.client import Client
from dragoman.config import FrontConfig
from dragoman.gateway.fronts.endpoints import ChatEndpoint, is_clean
from dragoman.gateway.fronts.operations import CountEndpoint
from dragoman.gateway.fronts.table import Front, FrontMaker, Row
from dragoman.gateway.kept_turns import KeptTurns
from dragoman.protocols.anthropic import AnthropicCountServer, AnthropicServer

MESSAGES = "/v1/messages"
COUNT = f"{MESSAGES}/count_tokens"


def anthropic(client: Client, turns: KeptTurns | None) -> Front:
    """The front for Messages, and for the tokens of a request."""
    codec = AnthropicServer()
    clean = is_clean(client, FrontConfig(), "clean")
    rows = (
        Row("POST", MESSAGES, ChatEndpoint(client, codec, clean=clean, turns=turns)),
        Row("POST", COUNT, CountEndpoint(client, AnthropicCountServer())),
    )
    return Front(codec, rows, prefix=MESSAGES, json=True)


ANTHROPIC = FrontMaker(lambda context: (anthropic(context.client, context.turns),))
