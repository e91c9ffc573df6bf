"""Calls in whose midst an answer was cut, as at its limit of tokens. Knows no protocol by name.

The arguments of such a call are the beginning of an object. Nothing is wrong with the answer except that it is not
complete, and its reason to stop says so: callers read it and give it a larger limit. Anything else in the place of an
object, and a beginning that something follows, is the fault of the service.

A protocol whose calls are complete objects has no form for one. An answer leaves the call out, which is named as lost.
In a request, where a caller sends the answer back as it came, the result of the call needs it: it has the arguments
that are complete.
"""

from collections.abc import Iterator

from msgspec.structs import replace

from dragoman.errors import BadEventError
from dragoman.types import (
    AnyPart,
    ChangedField,
    ChatRequest,
    ChatResponse,
    FinishReason,
    HostedCall,
    Loss,
    Message,
    ToolCall,
)
from dragoman.wire import json
from dragoman.wire.brackets import Brackets
from dragoman.wire.partial_json import complete_part

CUT: frozenset[FinishReason] = frozenset({"length", "content_filter", "refusal"})
"""Reasons for which an answer may end anywhere."""

SAYABLE = "tool_call.cut"
"""What a protocol that has such calls lists, in the words of `answer_losses`."""


def is_begun(call: AnyPart, arguments: str) -> bool:
    """Whether `call` is one, and `arguments` the beginning of an object whose end is missing."""
    if type(call) is not HostedCall and not (type(call) is ToolCall and call.input_format == "json"):
        return False
    if json.is_object(arguments):
        return False  # as nearly all are, and this is fast
    text, brackets = arguments.lstrip(), Brackets()
    brackets.feed(text)
    return text.startswith("{") and not brackets.whole


def no_object(call: ToolCall | HostedCall) -> BadEventError:
    """The error for arguments that nobody can read."""
    return BadEventError(f"expected the arguments of the tool call {call.id!r} to be a JSON object")


def cut_call(response: ChatResponse) -> ToolCall | HostedCall | None:
    """The call in whose midst a whole answer was cut; None if there is none."""
    match response.parts:
        case (*_, ToolCall() | HostedCall() as last) if response.finish_reason in CUT:
            return last if is_begun(last, last.arguments) else None
    return None


def changed(request: ChatRequest) -> Iterator[Loss]:
    """The arguments that `with_complete_calls` changes."""
    for i, message in enumerate(request.messages):
        for j, part in enumerate(message.parts):
            if type(part) is ToolCall and is_begun(part, part.arguments):
                yield ChangedField(f"messages[{i}].parts[{j}].arguments")


def with_complete_calls(request: ChatRequest) -> ChatRequest:
    """`request` with calls whose arguments are objects; the same object if none was cut."""
    if not any(changed(request)):
        return request
    return replace(request, messages=tuple(map(_with_complete_calls, request.messages)))


def _with_complete_calls(message: Message) -> Message:
    return replace(message, parts=tuple(map(_complete, message.parts)))


def _complete(part: AnyPart) -> AnyPart:
    if type(part) is ToolCall and is_begun(part, part.arguments):
        return replace(part, arguments=complete_part(part.arguments))
    return part


class CutCall:
    """The last call that an encoder has written, until the next event says whether it may be incomplete."""

    def __init__(self) -> None:
        self._call: ToolCall | HostedCall | None = None

    def ends(self, call: ToolCall | HostedCall, arguments: str) -> None:
        """A call has ended whose arguments are no object. Raises BadEventError if they are not the beginning of one."""
        if not is_begun(call, arguments):
            raise no_object(call)
        self._call = call

    def follows(self, reason: FinishReason | None = None) -> None:
        """Something follows: the end for this reason, or anything else. Raises BadEventError if the call should be
        complete."""
        if self._call is not None and reason not in CUT:
            raise no_object(self._call)
