"""What a conversation asks of the offline models: who spoke last, and what the tools answered since."""

from dragoman.providers.offline.words import count_words
from dragoman.types import ChatRequest, Message, Text, ToolCall, ToolResult
from dragoman.wire.utf8 import well_formed


def last_question(request: ChatRequest) -> str:
    """The text of the last user message, exactly as UTF-8 can carry it; empty if there is none."""
    place = _place(request)
    return well_formed(request.messages[place].text) if place >= 0 else ""


def asked_at_last(request: ChatRequest) -> tuple[str, ...]:
    """The texts of the user messages since the last answer, the last one first: programs add messages of their own."""
    texts: list[str] = []
    for message in reversed(request.messages[: _place(request) + 1]):
        if message.role == "assistant":
            break
        if _speaks(message):
            texts.append(well_formed(message.text))
    return tuple(texts)


def user_texts(request: ChatRequest) -> tuple[str, ...]:
    """The texts of all the user's messages, in order."""
    return tuple(message.text for message in request.messages if _speaks(message))


def rounds(request: ChatRequest) -> int:
    """How often tools were called since the last user message."""
    since = request.messages[_place(request) + 1 :]
    return sum(any(isinstance(part, ToolCall) for part in message.parts) for message in since)


def called(request: ChatRequest) -> frozenset[str]:
    """The names of the tools that were called since the last user message."""
    since = request.messages[_place(request) + 1 :]
    return frozenset(part.name for message in since for part in message.parts if isinstance(part, ToolCall))


def calls_before(request: ChatRequest) -> int:
    """How many calls of tools the conversation has."""
    return sum(isinstance(part, ToolCall) for message in request.messages for part in message.parts)


def results(request: ChatRequest) -> str:
    """The text of the tools' results since the last user message and the last call, a line each."""
    texts: list[str] = []
    for message in request.messages[_place(request) + 1 :]:
        if message.role == "assistant":
            texts.clear()
        texts += [_result(part) for part in message.parts if isinstance(part, ToolResult)]
    return "\n".join(texts)


def heard(request: ChatRequest) -> int:
    """The words of the whole conversation: its texts and its tools' results."""
    count = 0
    for message in request.messages:
        count += count_words(message.text)
        count += sum(count_words(_result(part)) for part in message.parts if isinstance(part, ToolResult))
    return count


def _place(request: ChatRequest) -> int:
    for i in range(len(request.messages) - 1, -1, -1):
        if _speaks(request.messages[i]):
            return i
    return -1


def _speaks(message: Message) -> bool:
    """Some protocols put tools' results into a user message, in which the user says nothing."""
    if message.role != "user":
        return False
    return not message.parts or any(not isinstance(part, ToolResult) for part in message.parts)


def _result(part: ToolResult) -> str:
    return well_formed("".join(inner.text for inner in part.parts if isinstance(inner, Text)))
