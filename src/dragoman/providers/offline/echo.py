"""The model that gives the caller's last message back, exactly."""

from dragoman.providers.offline.directives import Directive, spoken
from dragoman.providers.offline.turns import last_question
from dragoman.types import ChatRequest


def echo(request: ChatRequest) -> list[Directive]:
    """Says the text of the last user message, every space of it."""
    return spoken(last_question(request), request.max_output_tokens)
