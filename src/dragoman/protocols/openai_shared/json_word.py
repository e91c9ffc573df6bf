"""The word JSON in a conversation, without which OpenAI and some others refuse to hold an answer to `json_object`.

"'messages' must contain the word 'json' in some form, to use 'response_format' of type 'json_object'": 400. Callers of
other protocols need not say it, and in Responses what stands in `instructions` or a system message does not count
(find it as "Response input messages must contain the word 'json'"). ultimatejimmy/xray.koplugin#33, vercel/ai#7913.
"""

from msgspec.structs import replace

from dragoman.types import ChatRequest, Message, Role, Text
from dragoman.types.messages import leading_system

WORD = "json"
TOLD = Message("developer", (Text(text="Answer with one JSON object."),))
"""The message that is added if no other one has the word."""

EVERY_ROLE: frozenset[Role] = frozenset({"system", "developer", "user", "assistant", "tool"})


def lacks_word(request: ChatRequest, read: frozenset[Role]) -> bool:
    """Whether the word is in no text of the messages of the roles that the service reads for it."""
    texts = (
        part.text
        for message in request.messages
        if message.role in read
        for part in message.parts
        if isinstance(part, Text)
    )
    return not any(WORD in text.lower() for text in texts)


def with_word(request: ChatRequest) -> ChatRequest:
    """`request` that tells the model in words, after its other instructions, to answer with JSON."""
    messages = request.messages
    at = leading_system(messages)
    return replace(request, messages=(*messages[:at], TOLD, *messages[at:]))
