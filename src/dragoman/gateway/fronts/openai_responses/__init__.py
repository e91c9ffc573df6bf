"""The front of OpenAI's Responses."""

from dragoman.gateway.fronts.openai_responses.front import OPENAI_RESPONSES

__all__ = ["OPENAI_RESPONSES"]
