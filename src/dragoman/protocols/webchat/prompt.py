"""A conversation as one text, for services that do not take a list of messages."""

from dragoman.types import Message


def format_messages(messages: tuple[Message, ...]) -> str:
    """The text of a single message; several become lines `Role: text` without empty ones, and a last `Assistant:`."""
    if len(messages) == 1:
        return messages[0].text
    lines = [f"{message.role.capitalize()}: {text}" for message in messages if (text := message.text)]
    return "\n".join([*lines, "Assistant:"])
