"""The usual events of a stream, decoded in the fast way: pieces of text, a reason to stop, the usage, the end mark."""

from msgspec import Struct

from dragoman.protocols.openai_chat.chunk import decode_chunk
from dragoman.protocols.openai_chat.finish_reasons import FAILED
from dragoman.protocols.openai_chat.usage import usual_usage
from dragoman.types import Usage
from dragoman.types.usage import merged
from dragoman.wire.json import NOT_STRICT
from dragoman.wire.lines import CR

BEGIN, END = b"data: {", b"}\n\n"
DONE = b"data: [DONE]\n\n"


class Glance(Struct):
    """What the events so far have said. An event of any other kind is not read: then an Observer takes over."""

    began: bool = False
    """A chunk has come."""
    committed: bool = False
    """Content has come."""
    done: bool = False
    """The end mark has come."""
    text: bool = False
    """The last event held a piece of text, and nothing else."""
    report: bool = False
    """The last event only reported the usage."""
    reason: str | None = None
    """Why the model stopped, in the service's words."""
    usage: Usage | None = None

    def read(self, event: bytes) -> bool:
        """Whether `event` is of a usual kind, and so has been read."""
        self.text = self.report = False
        if not (event.startswith(BEGIN) and event.endswith(END)):
            self.done = event == DONE and (self.committed or self.reason is not None)
            return self.done
        if event.find(b"\n") != len(event) - 2 or CR in event:
            return False
        try:
            chunk = decode_chunk(event[len(BEGIN) - 1 : 1 - len(END)])
        except NOT_STRICT:
            return False
        choices, report = chunk.choices, chunk.usage
        if chunk.error or choices is None:
            return False
        if choices:
            choice = choices[0]
            delta = choice.delta
            if delta is None or choice.index or choice.message is not None or len(choices) > 1:
                return False
            if delta.refusal or delta.tool_calls or delta.function_call is not None:
                return False
            reason = choice.finish_reason
            text = delta.content or delta.reasoning_content or delta.reasoning
            if text:
                if not isinstance(text, str):
                    return False
                self.committed = True
                self.text = report is None and not reason
            if reason:
                if reason in FAILED:
                    return False
                self.reason = reason
            self.began = True
        elif report is None:
            return False
        if report is not None:
            self.usage = merged(self.usage, usual_usage(report))
            self.report = not choices
        return True
