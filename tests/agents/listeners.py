"""How each agent hears its answers. An agent that is added gets a row."""

from collections.abc import Callable
from functools import partial

from tests.agents import hear_chat, hear_gemini, hear_messages, hear_responses
from tests.agents.hearing import Heard

LISTENERS: dict[str, Callable[[bytes], Heard]] = {
    "aider-chat": partial(hear_chat.hear, empty=""),
    "aider-messages": hear_messages.hear,
    "claude-code": hear_messages.hear,
    "codex": hear_responses.hear,
    "gemini-cli": partial(hear_gemini.hear, names=True, thoughts=False),
    "opencode-chat": partial(hear_chat.hear, empty=""),
    "opencode-gemini": partial(hear_gemini.hear, names=False, thoughts=True),
    "opencode-messages": hear_messages.hear,
    "opencode-responses": partial(hear_responses.hear, ids=False),
    "opencode-title-chat": partial(hear_chat.hear, empty=""),
    "opencode-title-gemini": partial(hear_gemini.hear, names=False, thoughts=True),
    "opencode-title-messages": hear_messages.hear,
    "opencode-title-responses": partial(hear_responses.hear, ids=False),
    "pi-chat": partial(hear_chat.hear, empty=None),
    "pi-gemini": partial(hear_gemini.hear, names=False, thoughts=True),
    "pi-messages": hear_messages.hear,
    "pi-responses": hear_responses.hear,
}
