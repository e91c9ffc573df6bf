"""Random routes of services that fail at random, asked by several callers at once, on a clock that stands still.

Whatever happens: a caller gets the text of one answer, each piece once, and its end only if it is whole; nobody is
asked more often or longer than the route allows; what failed is told; and afterwards nothing is open, nothing counts
as under way, and each target can be asked again. `--faults` tries more.
"""

import asyncio
from collections.abc import Callable
from random import Random

import pytest

from dragoman.engine.answer import Answer
from dragoman.errors import (
    AuthenticationError,
    ConnectError,
    ContentFilterError,
    ContextLengthError,
    DragomanError,
    InvalidRequestError,
    ModelNotFoundError,
    OverloadedError,
    RateLimitError,
    TimeoutError,
    TruncatedStreamError,
    UpstreamError,
)
from dragoman.routing.attempts import translated
from dragoman.routing.breaker import Breaker
from dragoman.routing.candidate import Candidate, Member
from dragoman.routing.health import Health, Service
from dragoman.routing.hedge_time import HedgeTime
from dragoman.routing.retry import RetryBudget, RetryPolicy
from dragoman.routing.route import Nested, Route
from dragoman.routing.strategies.table import STRATEGIES
from dragoman.types import ChatRequest, PartDelta, ResponseEnd, ResponseStart, StreamEvent, fold, user
from tests.support.paused import paused
from tests.support.timed import END, Step, TimedAnswer, target, text

SEED = 20_261_128
FEW, MANY = 450, 6000
"""Routes."""
TEXT = "abcdefghij"
"""What all services have to say."""
LONG = 4000.0
"""Seconds after which every rest is over."""

ERRORS: tuple[Callable[[float | None], DragomanError], ...] = (
    lambda wait: ConnectError("refused"),
    lambda wait: OverloadedError("busy", retry_after=wait),
    lambda wait: RateLimitError("too many", retry_after=wait),
    lambda wait: TruncatedStreamError("broke off"),
    lambda wait: TimeoutError("stalled", phase="idle"),
    lambda wait: AuthenticationError("no"),
    lambda wait: ModelNotFoundError("no"),
    lambda wait: ContextLengthError("too long"),
    lambda wait: InvalidRequestError("wrong"),
    lambda wait: ContentFilterError("no"),
    lambda wait: UpstreamError("failed"),
)


class RandomService:
    """Says TEXT, or what is missing of it, or a part of that, or fails."""

    def __init__(self, rng: Random, name: str) -> None:
        self._rng = rng
        self.name = name
        self.asked: list[str] = []
        """The models of the requests: each caller has its own."""
        self.answers: list[TimedAnswer] = []

    async def __call__(self, request: ChatRequest) -> Answer:
        rng = self._rng
        self.asked.append(request.model)
        await asyncio.sleep(rng.choice((0, 0, 0.1, 0.7, 3)))
        if rng.random() < 0.35:
            raise self._error()
        last = request.messages[-1]
        begun = last.text if last.role == "assistant" else ""
        assert TEXT.startswith(begun)
        self.answers.append(TimedAnswer(self._steps(TEXT[len(begun) :])))
        return self.answers[-1]

    def _steps(self, rest: str) -> list[Step]:
        rng = self._rng
        if rng.random() < 0.15:
            return [(rng.choice((0, 0.2, 2)), self._error())]
        if not rest:
            return [(0, [ResponseStart(), ResponseEnd("stop")])]
        size = rng.randint(1, len(rest)) if rng.random() < 0.6 else len(rest)
        steps = text(*rest[:size], seconds=rng.choice((0, 0.01, 0.2, 1)))
        return [*steps, END if size == len(rest) else (rng.choice((0, 0.1)), self._error())]

    def _error(self) -> DragomanError:
        return self._rng.choice(ERRORS)(self._rng.choice((None, 0, 0.05, 0.3, 2, 20, 100)))


class World:
    """A route, its services, and callers."""

    def __init__(self, rng: Random) -> None:
        self.rng = rng
        self.services: list[RandomService] = []
        self.candidates: list[Candidate] = []
        self.callers = 0
        self.route = self._route(nested=False)

    def _route(self, *, nested: bool) -> Route:
        rng = self.rng
        members: list[Member] = []
        for _ in range(rng.randint(1, 3)):
            if not nested and rng.random() < 0.3:
                members.append(Nested(name="nested", route=self._route(nested=True)))
            else:
                members.append(self._candidate())
        return Route(
            members,
            STRATEGIES[rng.choice(sorted(STRATEGIES))],
            rng.random,
            retry=RetryPolicy(attempts=rng.randint(1, 3), calls=rng.randint(1, 6)),
            total=rng.choice((None, None, 1.0, 4.0)),
            continues=not nested and rng.random() < 0.6,
            hedge=HedgeTime(rng.choice((0.05, 0.5, 1.0))) if not nested and rng.random() < 0.5 else None,
            budget=RetryBudget(rng.random()) if not nested and rng.random() < 0.5 else None,
        )

    def _candidate(self) -> Candidate:
        rng, service = self.rng, RandomService(self.rng, f"s{len(self.services)}")
        self.services.append(service)
        breaker = Breaker(rng.choice((0, 1, 2, 5)), rng.choice((1.0, 10.0)))
        asked = target(f"{service.name}/m", service, continues=rng.random() < 0.8)
        self.candidates.append(
            Candidate(target=asked, health=Health(Service(), breaker), max_parallel=rng.choice((None, None, 1, 2)))
        )
        return self.candidates[-1]

    async def live(self) -> None:
        for _ in range(self.rng.randint(1, 6)):
            await asyncio.gather(*[self._call() for _ in range(self.rng.choice((1, 1, 3)))])
            await asyncio.sleep(self.rng.choice((0, 0.1, 1, 11, 100)))
        for _ in range(20):
            await asyncio.sleep(0)
        assert [each.in_flight for each in self.candidates] == [0] * len(self.candidates)
        assert all(answer.closed for service in self.services for answer in service.answers)
        await asyncio.sleep(LONG)
        now = asyncio.get_running_loop().time()
        assert all(each.is_able(now) for each in self.candidates)

    async def _call(self) -> None:
        """One caller, who may leave."""
        self.callers += 1
        reading = asyncio.create_task(self._read(f"r{self.callers}"))
        if self.rng.random() < 0.15:
            await asyncio.sleep(self.rng.choice((0, 0.1, 0.6, 1.2, 3)))
            reading.cancel()
        await asyncio.wait([reading])
        if not reading.cancelled():
            reading.result()

    async def _read(self, model: str) -> None:
        loop, retry = asyncio.get_running_loop(), self.route.retry
        began = loop.time()
        events: list[StreamEvent] = []
        answer: Answer | None = None
        error: DragomanError | None = None
        try:
            answer = await translated(self.route)(ChatRequest(model=model, messages=(user("hi"),)))
            while batch := await answer.read():
                events += batch
        except DragomanError as exc:
            error = exc
        finally:
            if answer is not None:
                answer.close()
        if self.route.total is not None:
            assert loop.time() - began < self.route.total + 0.01

        said = "".join(event.text for event in events if isinstance(event, PartDelta))
        assert TEXT.startswith(said)
        assert sum(isinstance(event, ResponseStart) for event in events) <= 1
        assert sum(isinstance(event, ResponseEnd) for event in events) == (error is None)
        if error is None:
            assert said == fold(events).text == TEXT

        asked = [service.asked.count(model) for service in self.services]
        assert sum(asked) <= retry.calls
        assert max(asked) <= retry.attempts
        if answer is not None and error is None:
            assert len(answer.attempts) == sum(asked) - 1
        elif error is not None and error.attempts:
            assert len(error.attempts) == sum(asked)


@pytest.mark.parametrize("seeds", [range(place, FEW, 3) for place in range(3)], ids=str)
def test_whatever_fails_a_caller_gets_one_whole_answer_or_an_error_and_nothing_is_left(
    seeds: range, request: pytest.FixtureRequest
) -> None:
    if request.config.getoption("--faults"):
        seeds = range(seeds.start, MANY, seeds.step)
    for seed in seeds:
        try:
            paused(World(Random(SEED + seed)).live())
        except BaseException as exc:
            exc.add_note(f"seed {seed}")
            raise
