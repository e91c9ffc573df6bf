"""Compaction by services that have none: a model is asked for a summary of the conversation. Knows no protocol.

The request loses its tools, since an answer that calls one would be no summary: calls and results are told in words.
An answer that is anything but a whole text is an error, because a caller would go on with it in place of all that was
said before.
"""

from collections.abc import Iterator

from msgspec.structs import replace

from dragoman.engine.answer import Answer, whole
from dragoman.errors import InvalidRequestError
from dragoman.protocols.compaction import instructions_in, not_compacted, summary_part
from dragoman.protocols.prompt_tools.words import in_words
from dragoman.protocols.speech import PARTS
from dragoman.types import (
    ChatRequest,
    ChatResponse,
    EmulatedCompaction,
    HostedCall,
    Loss,
    LostPart,
    Message,
    Refusal,
    StreamEvent,
    Text,
    ToolCall,
    ToolResult,
    Usage,
    unfold,
)

NAME = "compaction"

PROMPT = """\
Write a summary of the conversation above. It will stand in place of all of it: whoever goes on with the work has only \
your summary. Write it in plain words, for a reader who knows nothing else, and keep:

- the task, as it was given, with every demand and limit that still holds;
- the decisions that were taken, and why, and what was tried and did not work;
- the files and other things that were read, made or changed, and the state in which each of them is now;
- the steps that are done, those that are open, and what comes next;
- exact names, paths, commands, numbers, ids and error messages: copy them, do not describe them.

Do not go on with the work, do not answer what was asked, and call no tool. Write nothing but the summary."""
"""The last message of the request."""

REASONS = {
    "length": "one that was cut at the limit of tokens",
    "content_filter": "an answer that was filtered",
    "refusal": "a refusal",
    "tool_call": "a call of a tool",
}
"""What an answer is that ended for another reason than a summary does."""


def compacting(request: ChatRequest, *, native: bool = False) -> tuple[ChatRequest, tuple[Loss, ...]]:
    """`request` as a service is asked, and what that changes: nothing if the service compacts it itself (`native`), or
    if no compaction is wanted. Raises InvalidRequestError if there is nothing to compact."""
    if not request.compact or native:
        return request, ()
    if not request.messages:
        raise InvalidRequestError(f"{NAME}: there is no conversation before it", param="input")
    told = in_words(replace(request, tools=()))
    sent = replace(
        told,
        messages=(*told.messages, Message("user", (Text(text=instructions_in(request) or PROMPT),))),
        response_format=None,
        verbosity=None,
        top_logprobs=None,
        candidate_count=None,
        stop=(),
        compact=False,
    )
    return sent, (EmulatedCompaction(NAME), *_untold(request))


def _untold(request: ChatRequest) -> Iterator[Loss]:
    """What of the results of tools is no text."""
    for i, message in enumerate(request.messages):
        for j, part in enumerate(message.parts):
            if isinstance(part, ToolResult):
                for k, inner in enumerate(part.parts):
                    if not isinstance(inner, Text):
                        yield LostPart(f"messages[{i}].parts[{j}].parts[{k}] ({PARTS[type(inner)]})")


class Summarised(Answer):
    """An answer that is read to its end, and then given as one summary. Raises UpstreamError if it is no summary."""

    def __init__(self, answer: Answer, lost: tuple[Loss, ...] = ()) -> None:
        self.tells_of(answer)
        self._answer = answer
        self._lost = lost
        self._over = False

    @property
    def usage(self) -> Usage | None:
        return self._answer.usage

    async def read(self) -> list[StreamEvent]:
        if self._over:
            return []
        self._over = True
        response = await whole(self._answer)
        summary = summary_part(_text(response))
        lost = (*self._lost, *response.losses)
        return unfold(replace(response, parts=(summary,), native_finish_reason=None, stop_sequence=None, losses=lost))

    def close(self) -> None:
        self._over = True
        self._answer.close()


def _text(response: ChatResponse) -> str:
    """The summary that `response` is. Raises UpstreamError."""
    for part in response.parts:
        match part:
            case ToolCall() | HostedCall():
                raise not_compacted(REASONS["tool_call"])
            case Refusal():
                raise not_compacted(REASONS["refusal"])
            case _:
                pass
    if response.finish_reason != "stop":
        said = response.native_finish_reason or response.finish_reason
        raise not_compacted(REASONS.get(response.finish_reason, f"an answer that ended with {said!r}"))
    text = "".join(part.text for part in response.parts if isinstance(part, Text)).strip()
    if not text:
        raise not_compacted("no text")
    return text
