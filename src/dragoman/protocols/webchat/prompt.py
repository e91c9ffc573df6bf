"""A conversation as one text, for services that take no list of messages."""

from dragoman.types import Message


def format_messages(messages: tuple[Message, ...]) -> str:
    """A single message is its text; more are `Role: text` lines, empty ones left out, and a last line `Assistant:`."""
    if len(messages) == 1:
        return messages[0].text
    lines = [f"{message.role.capitalize()}: {text}" for message in messages if (text := message.text)]
    return "\n".join([*lines, "Assistant:"])
