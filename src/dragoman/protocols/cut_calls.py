"""Calls in whose midst an answer was cut, as at its limit of tokens. Knows no protocol by name.

The arguments of such a call are the beginning of an object. Nothing is wrong with the answer except that it is not
complete, and its reason to stop says so: callers read it and give it a larger limit. Anything else in the place of an
object, and a beginning that something follows, is the fault of the service.

A protocol whose calls are complete objects has no form for one. It leaves the call out, which is named as lost.
"""

from dragoman.errors import BadEventError
from dragoman.types import AnyPart, ChatResponse, FinishReason, HostedCall, ToolCall
from dragoman.wire.brackets import Brackets

CUT: frozenset[FinishReason] = frozenset({"length", "content_filter", "refusal"})
"""Reasons for which an answer may end anywhere."""

SAYABLE = "tool_call.cut"
"""What a protocol that has such calls lists, in the words of `answer_losses`."""


def is_begun(call: AnyPart, arguments: str) -> bool:
    """Whether `call` is one, and `arguments` the beginning of an object whose end is missing."""
    if not isinstance(call, HostedCall) and not (isinstance(call, ToolCall) and call.input_format == "json"):
        return False
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


class CutCall:
    """What an encoder knows of the last call, until it is told what follows."""

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
