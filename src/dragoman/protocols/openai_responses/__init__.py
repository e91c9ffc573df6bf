"""OpenAI's Responses, and Open Responses. https://platform.openai.com/docs/api-reference/responses"""

from dragoman.protocols.openai_responses.client import OpenAIResponsesClient
from dragoman.protocols.openai_responses.counter import ResponsesCountServer
from dragoman.protocols.openai_responses.extra import NAME
from dragoman.protocols.openai_responses.item_page import item_page
from dragoman.protocols.openai_responses.relay import COMPACT, PREVIOUS, ResponsesRelayRequest
from dragoman.protocols.openai_responses.server import OpenAIResponsesServer, ResponsesCompactServer, input_items

__all__ = [
    "COMPACT",
    "NAME",
    "PREVIOUS",
    "OpenAIResponsesClient",
    "OpenAIResponsesServer",
    "ResponsesCompactServer",
    "ResponsesCountServer",
    "ResponsesRelayRequest",
    "input_items",
    "item_page",
]
