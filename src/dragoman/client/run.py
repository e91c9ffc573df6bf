"""A model with tools, turn by turn: its answer, the functions that it calls, and their results back to it.

A call is run only once its answer has come to its end, and ended by itself: of an answer that broke off, was cut at its
limit of tokens or filtered, nothing is run, since its last call may be a half one. The calls of one answer run at the
same time, and their results go back in the order of the calls.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager

from msgspec.structs import replace

from dragoman.client.call_log import log_tool_failure
from dragoman.client.functions import FunctionTool
from dragoman.client.stream import Recorded
from dragoman.engine.answer import Answer
from dragoman.error_words import cut, nearest
from dragoman.errors import DragomanError, InvalidRequestError, TruncatedStreamError, TurnLimitError
from dragoman.types import (
    ChatRequest,
    ChatResponse,
    FinishReason,
    Fold,
    Message,
    ResultParts,
    Text,
    ToolCall,
    ToolEnd,
    ToolResult,
    ToolStart,
)
from dragoman.types.run import RunEvent

MAX_TURNS = 10
"""Answers of one run; OpenAI's and Anthropic's own loops end at as many."""

WHOLE: frozenset[FinishReason] = frozenset({"tool_call", "stop"})
"""Reasons to stop after which calls are whole. Some services say `stop` after a call."""

MAX_WORDS = 2000
"""Characters that a model is told of a tool's failure: a page of a traceback helps it no more than its first lines."""

CLOSED = "the run was closed before its end"

MAX_AT_ONCE = 100
"""Calls of one answer that run at a time: plain functions have a thread each. No model is known to call as many."""

TOOL_FAILURES = (Exception, SystemExit, asyncio.CancelledError)
"""What a tool may raise: it is a stranger's code, and what it raises belongs to the model. `sys.exit` in a tool is its
own way to fail: in a task it would end the event loop, and with it every other call."""

Ask = Callable[[ChatRequest], Awaitable[Answer]]

Correct = Callable[[ChatResponse], Message | None]
"""What the model is told if its last answer is not what was wanted; None: it is. Raises what the run ends with."""


class Running:
    """A run under way, in batches of events: either the model answers, or its calls are run."""

    def __init__(
        self,
        ask: Ask,
        request: ChatRequest,
        functions: Mapping[str, FunctionTool],
        max_turns: int,
        *,
        within: Callable[[], AbstractAsyncContextManager[None]],
        correct: Correct = lambda _: None,
    ) -> None:
        """`within` limits each wait to the time that the run has."""
        self.request = request
        self.turns: list[ChatResponse] = []
        self._ask = ask
        self._functions = functions
        self._max_turns = max_turns
        self._within = within
        self._correct = correct
        self._answer: Answer | None = None
        self._fold = Fold()
        self._calls: dict[asyncio.Task[ToolEnd], int] = {}
        self._results: dict[int, ToolResult] = {}
        self._places = asyncio.Semaphore(MAX_AT_ONCE)
        self._over = False
        self.is_whole = False
        """Whether it came to its end."""

    async def open(self) -> None:
        """Asks for the first answer. Raises what goes wrong before its first byte."""
        async with self._within():
            await self._next_turn()

    async def read(self) -> list[RunEvent]:
        """The next events; [] at the end. Raises what went wrong with an answer, and TurnLimitError."""
        async with self._within():
            while not self._over:
                events = await self._read()
                if events:
                    return events
        return []

    def last(self) -> ChatResponse:
        """The last answer, if the run came to its end. Raises TruncatedStreamError."""
        if not self.is_whole:
            raise TruncatedStreamError(CLOSED)
        return self.turns[-1]

    def close(self) -> None:
        """Ends what is under way; a function in a thread goes on to its own end. May be called twice."""
        self._over = True
        for task in self._calls:
            task.cancel()
        if self._answer is not None:
            self._answer.close()

    async def _next_turn(self) -> None:
        self._fold = Fold()
        self._answer = await self._ask(self.request)

    async def _read(self) -> list[RunEvent]:
        if self._calls:
            return await self._ended_calls()
        if self._answer is None:
            await self._next_turn()
            return []
        events = await self._answer.read()
        if events:
            self._fold.feed(events)
            return [*events]
        self._answer.close()
        self._answer = None
        return self._after(self._fold.result())

    def _after(self, reply: ChatResponse) -> list[RunEvent]:
        """What follows an answer: calls to be run, the next turn, or nothing."""
        self.turns.append(reply)
        self._say(reply.message)
        calls = reply.tool_calls if reply.finish_reason in WHOLE else ()
        if not calls and reply.finish_reason != "pause" and self._is_right(reply):
            self._over = self.is_whole = True
            return []
        if len(self.turns) >= self._max_turns:
            self._over = True
            pause = "a pause" if reply.finish_reason == "pause" else "one that does not fit"
            came = "more calls of tools" if calls else pause
            raise TurnLimitError(f"expected an end within {self._max_turns} answers, got {came}")
        tasks = [asyncio.get_running_loop().create_task(self._run(call)) for call in calls]
        self._calls = {task: i for i, task in enumerate(tasks)}
        return [ToolStart(call) for call in calls]

    def _is_right(self, reply: ChatResponse) -> bool:
        """Whether this can be the last answer; if not, the model is told why."""
        try:
            correction = self._correct(reply)
        except DragomanError:
            self._over = True
            raise
        if correction is not None:
            self._say(correction)
        return correction is None

    async def _ended_calls(self) -> list[RunEvent]:
        done, _ = await asyncio.wait(self._calls, return_when=asyncio.FIRST_COMPLETED)
        if self._over:
            # Closed by another task, and the calls are cancelled, which this one is not.
            raise TruncatedStreamError(CLOSED)
        ended = sorted((self._calls.pop(task), task.result()) for task in done)
        self._results |= {place: end.result for place, end in ended}
        if not self._calls:
            for place in sorted(self._results):
                self._say(Message("tool", (self._results[place],)))
            self._results.clear()
        return [end for _, end in ended]

    def _say(self, message: Message) -> None:
        self.request = replace(self.request, messages=(*self.request.messages, message))

    async def _run(self, call: ToolCall) -> ToolEnd:
        try:
            async with self._places:
                return ToolEnd(call, _result(call, await self._called(call)))
        except TOOL_FAILURES as exc:
            task = asyncio.current_task()
            if isinstance(exc, asyncio.CancelledError) and task is not None and task.cancelling():
                raise  # the run ends; one that nobody asked for is of a task that the tool had cancelled itself
            log_tool_failure(call.name if call.name in self._functions else "of an unknown name", exc)
            return ToolEnd(call, _result(call, (Text(text=cut(_words(exc), MAX_WORDS)),), failed=True), exc)

    async def _called(self, call: ToolCall) -> ResultParts:
        function = self._functions.get(call.name)
        if function is None:
            known = ", ".join(self._functions) or "none"
            raise InvalidRequestError(f"there is no tool {call.name!r}{nearest(call.name, self._functions)} ({known})")
        return await function.call(call.arguments)


def _result(call: ToolCall, parts: ResultParts, *, failed: bool = False) -> ToolResult:
    return ToolResult(id=call.id, parts=parts, is_error=failed, input_format=call.input_format)


def _words(error: BaseException) -> str:
    """The words about a failure that the model gets."""
    if isinstance(error, InvalidRequestError):
        return error.message
    try:
        words = str(error).encode(errors="backslashreplace").decode()  # half a character cannot be sent
    except Exception:  # noqa: BLE001  # the exception is a stranger's code, too
        words = ""
    return f"{type(error).__name__}: {words}" if words else type(error).__name__


class Run(Recorded[RunEvent]):
    """A model that calls functions until it needs no more of them.

    To iterate over it gives the events of all its answers, and ToolStart and ToolEnd between them; `text` and `deltas`
    are of all answers too, and `response()` is the last one. It ends at once if it is closed, dropped or has failed.
    """

    def __init__(self, running: Running) -> None:
        async def opening() -> Running:
            await running.open()
            return running

        super().__init__(opening)
        self._running = running

    def _is_whole(self) -> bool:
        return self._running.is_whole

    @property
    def messages(self) -> tuple[Message, ...]:
        """The conversation so far: what was asked, each answer that is at its end, and the results of its calls."""
        return self._running.request.messages

    @property
    def turns(self) -> tuple[ChatResponse, ...]:
        """The answers that are at their end."""
        return tuple(self._running.turns)

    async def response(self) -> ChatResponse:
        """The last answer, once it has come. Raises what went wrong, TruncatedStreamError if it was closed before."""
        place = 0
        while events := await self.batch(place):
            place += len(events)
        return self._running.last()
