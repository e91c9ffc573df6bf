"""The usual lines of an answer, read in the fast way: pieces of text, and the last line. Nothing is made of them."""

from msgspec import Struct

from dragoman.protocols.ollama.finish_reasons import decode_reason
from dragoman.protocols.ollama.lines import Line, is_answer, read_line
from dragoman.types import FinishReason, Usage


class Glance(Struct):
    """What the lines so far have said. A line of any other kind is not read: then the decoder takes over."""

    lines: int = 0
    """How many have been read."""
    committed: bool = False
    """Content has come."""
    text: bool = False
    """The last line held a piece of text."""
    reason: FinishReason | None = None
    """Why the answer ended; None if it has not."""
    usage: Usage | None = None

    def read(self, data: bytes) -> bool:
        """Whether `data` is a line of a usual kind, and so has been read."""
        line = read_line(data)
        if line is None or not (self.lines or is_answer(line)):
            return False
        message = line.message
        if message is not None and message.tool_calls:
            return False
        if not line.done and (line.eval_count is not None or line.prompt_eval_count is not None):
            return False
        text = line.response or line.thinking or (message is not None and (message.content or message.thinking))
        if line.done and not self._ended(line):
            return False
        self.lines += 1
        self.text = bool(text)
        self.committed = self.committed or self.text
        return True

    def _ended(self, line: Line) -> bool:
        asked, told = line.prompt_eval_count, line.eval_count
        if not line.done_reason and told is None:
            return False
        self.reason, _ = decode_reason(line.done_reason or None, tool_call=False)
        if told is not None or asked is not None:
            self.usage = Usage(asked, told)
        return True
