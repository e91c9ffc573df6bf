"""An answer's events, shown on a display as they come."""

from collections.abc import Sequence
from typing import Any

import msgspec

from dragoman.cli.conversation.record import Record
from dragoman.cli.terminal.display import Display
from dragoman.cli.terminal.spinner import Waiting
from dragoman.client import Client
from dragoman.client.run import Run
from dragoman.error_words import cut
from dragoman.types import (
    AnyPart,
    Audio,
    ChatRequest,
    File,
    FinishReason,
    HostedCall,
    Image,
    Loss,
    PartDelta,
    PartEnd,
    PartStart,
    Reasoning,
    Refusal,
    ResponseEnd,
    ResponseStart,
    Text,
    ToolCall,
    ToolEnd,
    ToolResult,
    ToolStart,
    Unknown,
    names,
)
from dragoman.types.run import RunEvent
from dragoman.wire.json import NOT_STRICT

REMARKS: dict[FinishReason, str] = {
    "length": "the answer was cut at its length limit",
    "content_filter": "a content filter ended the answer",
    "pause": "the service paused the answer",
}
"""How an answer may end that its text does not show."""


async def tell_answer(client: Client, request: ChatRequest, page: Display, waiting: Waiting, record: Record) -> None:
    """Shows the answer to `request` and keeps it in `record`. The upstream is closed in any case. Raises its error."""
    teller = AnswerRenderer(page)
    waiting.start()
    try:
        answer = await client.open(request)
        try:
            while events := await answer.read():
                record.feed(events)
                teller.feed(events)
        finally:
            answer.close()
    finally:
        page.close()


async def tell_run(run: Run, page: Display, waiting: Waiting, record: Record) -> None:
    """Shows a run, and what its tools do; keeps it in `record`. It is closed in any case. Raises its error."""
    teller = AnswerRenderer(page, runs=True)
    asked, place = len(run.messages), 0
    waiting.start()
    try:
        while events := await run.batch(place):
            place += len(events)
            answer = [event for event in events if not isinstance(event, ToolStart | ToolEnd)]
            record.feed(answer)
            teller.feed(events)
            if not answer:
                waiting.start()
    finally:
        run.close()
        record.run = run.messages[asked:]
        page.close()


class AnswerRenderer:
    """Events to words on `page`. `runs`: calls are told when they are run, and not when the model asks for them."""

    def __init__(self, page: Display, *, runs: bool = False) -> None:
        self._page = page
        self._runs = runs
        self._part: AnyPart | None = None
        self._arguments: list[str] = []

    def feed(self, events: Sequence[RunEvent]) -> None:
        """Tells a batch; the text in it in one piece."""
        texts: list[str] = []
        for event in events:
            if isinstance(event, PartDelta):
                texts.append(event.text)
                continue
            self._words("".join(texts))
            texts.clear()
            match event:
                case ResponseStart(losses=losses):
                    self._lost(losses)
                case PartStart(part):
                    self._begin(part)
                case PartEnd():
                    self._end()
                case ResponseEnd(finish_reason, losses=losses):
                    self._lost(losses)
                    if finish_reason in REMARKS:
                        self._page.note(REMARKS[finish_reason])
                case ToolStart(call):
                    self._page.call(f"calls {called(call)}")
                case ToolEnd(call, result) if result.is_error:
                    self._page.call(f"{called(call)} failed: {_reason(result)}")
        self._words("".join(texts))

    def _lost(self, losses: tuple[Loss, ...]) -> None:
        if lost := names(losses):
            self._page.note(f"lost on the way, as a protocol has no words for it: {', '.join(lost)}")

    def _begin(self, part: AnyPart) -> None:
        self._part = part
        match part:
            case Text(text=text) | Refusal(text=text) | Reasoning(text=text):
                self._words(text)
            case ToolCall(arguments=arguments):
                self._arguments = [arguments]
            case Image(url=url):
                self._page.note(f"image: {url or 'inline'}")
            case Audio(media_type=kind):
                self._page.note(f"sound: {kind or 'of an unknown type'}")
            case File(name=name, file_id=file_id):
                self._page.note(f"file: {name or file_id or 'inline'}")
            case HostedCall(tool=tool):
                self._page.note(f"the service uses {tool}")
            case Unknown(protocol=protocol):
                self._page.note(f"a part that only {protocol} knows")

    def _words(self, text: str) -> None:
        match self._part:
            case _ if not text:
                return
            case Text() | Refusal():
                self._page.text(text)
            case Reasoning():
                self._page.reasoning(text)
            case ToolCall():
                self._arguments.append(text)

    def _end(self) -> None:
        if isinstance(self._part, ToolCall) and not self._runs:
            self._page.note(f"tool call: {self._part.name}({''.join(self._arguments)})")
        self._part = None


def called(call: ToolCall) -> str:
    """A call as Python writes it; arguments that are no object of JSON as they came."""
    try:
        arguments = msgspec.json.decode(call.arguments or "{}", type=dict[str, Any])
    except NOT_STRICT:
        return f"{call.name}({cut(call.arguments)})"
    return f"{call.name}({cut(', '.join(f'{name}={value!r}' for name, value in arguments.items()))})"


def _reason(result: ToolResult) -> str:
    return cut("".join(part.text for part in result.parts if isinstance(part, Text)))
