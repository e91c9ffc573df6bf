"""Ways to ask the offline models in a test."""

from dragoman.engine.answer import Answer
from dragoman.providers.offline.answers import open_offline
from dragoman.types import ChatRequest, ChatResponse, Message, StreamEvent, fold, user


def request(*messages: Message | str, max_output_tokens: int | None = None) -> ChatRequest:
    """A request of these messages; a bare text is the user's."""
    turns = tuple(user(message) if isinstance(message, str) else message for message in messages)
    return ChatRequest(model="any", messages=turns, max_output_tokens=max_output_tokens)


async def batches(answer: Answer) -> list[list[StreamEvent]]:
    """All that an answer brings, read by read; closes it."""
    out: list[list[StreamEvent]] = []
    try:
        while batch := await answer.read():
            out.append(batch)
    finally:
        answer.close()
    return out


async def events(model: str, asked: ChatRequest) -> list[StreamEvent]:
    """All the events of an answer."""
    return [event for batch in await batches(await open_offline(model, asked)) for event in batch]


async def whole(model: str, *messages: Message | str) -> ChatResponse:
    """The folded answer."""
    return fold(await events(model, request(*messages)))
