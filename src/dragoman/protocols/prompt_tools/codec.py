"""A codec whose protocol has only text, with tools told and called in words. Knows no vendor.

This is a convention, which a model may break; so nobody gets it who has not asked for it. A system message names the
tools and the form of a call (see `blocks`). Calls of the conversation so far are written in the same form, results as
blocks of their own; calls in the answer become what they are in other protocols. Blank text before, between and behind
them is no part of the answer.
"""

from collections.abc import Iterable, Iterator, Sequence

from msgspec.structs import replace

from dragoman.errors import DragomanError
from dragoman.protocols.base import ClientCodec, Preliminaries
from dragoman.protocols.decoder import Decoder
from dragoman.protocols.env import Env
from dragoman.protocols.profiles import OF_TOOLS
from dragoman.protocols.prompt_tools.blocks import CallReader
from dragoman.protocols.prompt_tools.words import functions, in_words, offered
from dragoman.types import (
    ChangedField,
    ChatRequest,
    HttpRequest,
    HttpResponse,
    Loss,
    ModelProfile,
    PartDelta,
    PartEnd,
    PartStart,
    PromptedTools,
    ResponseEnd,
    StreamEvent,
    Text,
    Tool,
    ToolCall,
    ToolResult,
    Usage,
)

TOLD = OF_TOOLS | {
    "tool_call",
    "tool_choice.names",
    "tool_result",
    "tool_result.is_error",
}
"""What a protocol that has only text can say with this convention; see `losses`."""


class PromptTools(ClientCodec):
    """The codec `inner`, whose protocol has no tools, with this convention."""

    def __init__(self, inner: ClientCodec) -> None:
        self._inner = inner
        self.name = inner.name  # type: ignore[misc]  # it is another class's name
        self.family = inner.family  # type: ignore[misc]  # the same
        self.expresses = inner.expresses | TOLD
        self.relay = inner.relay
        self.embeddings = inner.embeddings
        self.counter = inner.counter
        self.error_types = inner.error_types
        self.refused = inner.refused

    def untaken(self, profile: ModelProfile) -> frozenset[str]:
        # A model needs no tools of its own for this.
        return self._inner.untaken(profile) - OF_TOOLS

    def origin(self, model: str) -> str | None:
        return self._inner.origin(model)

    def changed(self, request: ChatRequest) -> Iterable[Loss]:
        yield from self._inner.changed(request)
        if functions(request):
            yield PromptedTools("tools")
        if request.tool_choice is not None and request.tool_choice.forces:
            yield ChangedField("tool_choice")
        if request.parallel_tool_calls is False:
            yield ChangedField("parallel_tool_calls")
        for i, message in enumerate(request.messages):
            if any(isinstance(part, ToolCall | ToolResult) for part in message.parts):
                yield PromptedTools(f"messages[{i}]")

    def encode_request(self, request: ChatRequest, env: Env) -> HttpRequest | Preliminaries:
        return self._inner.encode_request(in_words(request), env)

    def decoder(self, request: ChatRequest) -> Decoder:
        inner = self._inner.decoder(in_words(request))
        callable_ = offered(request)
        return PromptToolsDecoder(inner, callable_, _new_ids(request)) if callable_ else inner

    def decode_error(self, reply: HttpResponse) -> DragomanError:
        return self._inner.decode_error(reply)


def _new_ids(request: ChatRequest) -> Iterator[str]:
    """Ids for calls, none of which is in the conversation."""
    used = {part.id for message in request.messages for part in message.parts if isinstance(part, ToolCall)}
    number = len(used)
    while True:
        if (name := f"call_{number}") not in used:
            yield name
        number += 1


class PromptToolsDecoder(Decoder):
    """The events of `inner`, with calls in place of the blocks in its text. `ids`: one for each call."""

    def __init__(self, inner: Decoder, offered: dict[str, Tool], ids: Iterator[str]) -> None:
        self._inner = inner
        self._reader = CallReader(offered)
        self._ids = ids
        self._in_text = False
        """Whether a text of the service is open."""
        self._open = False
        """Whether a text of ours is open."""
        self._blank: list[str] = []
        """Blank text, which is left out if a call follows it."""
        self._called = False

    @property
    def ending(self) -> bool:
        return self._inner.ending

    @property
    def usage(self) -> Usage | None:
        return self._inner.usage

    def salvage(self) -> list[StreamEvent]:
        out: list[StreamEvent] = []
        self._take(self._inner.salvage(), out)
        if not self.done:
            self._flush(out)
        return out

    def _read(self, data: bytes, out: list[StreamEvent]) -> None:
        self._take(self._inner.feed(data), out)
        self._check(out)

    def _end(self, out: list[StreamEvent]) -> None:
        self._take(self._inner.finish(), out)
        self._check(out)

    def _check(self, out: list[StreamEvent]) -> None:
        if self._inner.error is not None:
            self._flush(out)
            raise self._inner.error

    def _take(self, events: Iterable[StreamEvent], out: list[StreamEvent]) -> None:
        for event in events:
            match event:
                case PartStart(Text(text=text)):
                    self._in_text = True
                    self._add(self._reader.feed(text), out)
                case PartDelta(text=text) if self._in_text:
                    self._add(self._reader.feed(text), out)
                case PartEnd() if self._in_text:
                    self._in_text = False
                case PartStart():
                    self._flush(out)
                    self._close(out)
                    out.append(event)
                case ResponseEnd():
                    self._flush(out)
                    self._close(out)
                    called = self._called and event.finish_reason == "stop"
                    out.append(replace(event, finish_reason="tool_call") if called else event)
                case _:
                    out.append(event)
        self.done = self._inner.done
        self.more_content = self._inner.more_content

    def _add(self, found: Sequence[str | ToolCall], out: list[StreamEvent]) -> None:
        for each in found:
            if isinstance(each, ToolCall):
                self._blank.clear()
                self._close(out)
                call = replace(each, id=next(self._ids), arguments="")
                out += [PartStart(call), PartDelta(each.arguments), PartEnd()]
                self._called = True
            elif self._open:
                out.append(PartDelta(each))
            else:
                self._blank.append(each)
                if not each.isspace():
                    self._open_text(out)

    def _open_text(self, out: list[StreamEvent]) -> None:
        out += [PartStart(Text(text="")), PartDelta("".join(self._blank))]
        self._blank.clear()
        self._open = True

    def _flush(self, out: list[StreamEvent]) -> None:
        """What was held back comes out: nothing follows it."""
        self._add(self._reader.finish(), out)
        if self._blank and not self._called:
            self._open_text(out)
        self._blank.clear()

    def _close(self, out: list[StreamEvent]) -> None:
        if self._open:
            out.append(PartEnd())
            self._open = False
