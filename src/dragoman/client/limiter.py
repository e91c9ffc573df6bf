"""The limits of calls: how long one takes, how often it is tried, how many run at a time. Knows no protocol."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager, nullcontext
from math import inf
from typing import Any, TypeVar

from dragoman.client.call_log import log_answer
from dragoman.client.gate import Gate, Gates
from dragoman.client.options import Limits
from dragoman.client.retries import Random, retried
from dragoman.engine.answer import Answer, Around, Handler, Receive
from dragoman.engine.commit import held
from dragoman.engine.text_bypass import SendAhead
from dragoman.transport.timeout import timeout
from dragoman.types import ChatRequest, StreamEvent

T = TypeVar("T")


class Limiter:
    """Carries calls within `limits`, except those that a call sets itself."""

    def __init__(self, limits: Limits, random: Random) -> None:
        self._limits = limits
        self._random = random
        self._gates = Gates()

    def given(self, options: Mapping[str, Any]) -> Limits:
        """The limits of a call with these options. Raises InvalidRequestError."""
        return self._limits.given(options)

    def check_loop(self) -> None:
        """Raises RuntimeError if calls are under way in another loop that runs."""
        self._gates.here()

    async def answer(self, handler: Handler, request: ChatRequest, limits: Limits) -> Answer:
        """The answer of `handler`; if it may be tried again, once it has content. It counts until it is closed."""
        gate, ends = self._gates.here(), _ends(limits)

        async def attempt() -> Answer:
            limited: Limited | None = None
            await gate.enter(limits.max_parallel)
            try:
                limited = Limited(await handler(request), gate, ends, limits.timeout, request.model)
                log_answer(limited)
                # Without retries nothing is held back, and the answer may be read as soon as its head is here.
                return await held(limited) if limits.retries else limited
            except BaseException:
                if limited is None:
                    gate.leave()
                else:
                    limited.close()
                raise

        async with _until(ends, limits.timeout, request.model):
            return await retried(attempt, limits.retries, self._random, ends)

    def clock(self, limits: Limits, model: str) -> Callable[[], AbstractAsyncContextManager[None]]:
        """Limits waits to the end of a call, whose time begins when this is first used."""
        ends: list[float] = []

        def within() -> AbstractAsyncContextManager[None]:
            if not ends:
                ends.append(_ends(limits))
            return _until(ends[0], limits.timeout, model)

        return within

    async def value(self, call: Callable[[], Awaitable[T]], limits: Limits, model: str) -> T:
        """What `call` gives."""
        gate, ends = self._gates.here(), _ends(limits)

        async def attempt() -> T:
            await gate.enter(limits.max_parallel)
            try:
                return await call()
            finally:
                gate.leave()

        async with _until(ends, limits.timeout, model):
            return await retried(attempt, limits.retries, self._random, ends)


def _ends(limits: Limits) -> float:
    return asyncio.get_running_loop().time() + limits.timeout


def _until(ends: float, limit: float, model: str) -> AbstractAsyncContextManager[None]:
    """Limits a wait to the end of a call of at most `limit` seconds."""
    if ends == inf:
        return nullcontext()
    left = max(ends - asyncio.get_running_loop().time(), 0)
    return timeout(left, inf, "total", model or "the model", limit=limit)


class Limited(Around):
    """An answer that must be whole at the loop's time `ends`, and that `gate` counts."""

    def __init__(self, answer: Answer, gate: Gate, ends: float, limit: float, model: str) -> None:
        super().__init__(answer)
        self._gate: Gate | None = gate
        self._ends = ends
        self._limit = limit
        self._model = model

    async def read(self) -> list[StreamEvent]:
        if self._ends == inf:
            events = await self._answer.read()
            self.read = self._answer.read  # type: ignore[method-assign]  # spares each later batch a call
            return events
        async with _until(self._ends, self._limit, self._model):
            return await self._answer.read()

    def follow(self, receive: Receive, send_ahead: SendAhead) -> Awaitable[None] | None:
        return self._answer.follow(receive, send_ahead) if self._ends == inf else None

    def close(self) -> None:
        gate, self._gate = self._gate, None
        if gate is not None:
            gate.leave()
        super().close()
