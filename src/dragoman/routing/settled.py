"""Outcomes for plans, if the library is called directly. For requests to the gateway, its observers do this."""

from time import monotonic

from dragoman.engine.answer import Answer, Handler
from dragoman.errors import DragomanError
from dragoman.routing.plan import Plan
from dragoman.types import ChatRequest, Outcome, ResponseEnd, StreamEvent


def settling(plan: Plan, handler: Handler) -> Handler:
    """`handler`, except that `plan` is told the outcome of each answer, once."""
    if type(plan).settle is Plan.settle:  # it does nothing, so there is nothing to tell it
        return handler

    async def answer(request: ChatRequest) -> Answer:
        outcome = Outcome("", "", "", monotonic(), model=request.model)
        try:
            opened = await handler(request)
        except BaseException as exc:
            _end(plan, outcome, exc)
            raise
        return _Settled(opened, plan, outcome)

    return answer


def _end(plan: Plan, outcome: Outcome, error: BaseException | None = None) -> None:
    outcome.ended_at = monotonic()
    if isinstance(error, DragomanError):
        outcome.fail(error)
    plan.settle(outcome)


class _Settled(Answer):
    def __init__(self, answer: Answer, plan: Plan, outcome: Outcome) -> None:
        self.target, self.status, self.attempts = answer.target, answer.status, answer.attempts
        outcome.target, outcome.upstream_status, outcome.attempts = answer.target, answer.status, answer.attempts
        self._answer = answer
        self._plan = plan
        self._outcome: Outcome | None = outcome

    async def read(self) -> list[StreamEvent]:
        try:
            events = await self._answer.read()
        except DragomanError as exc:
            self._settle(exc)
            raise
        outcome = self._outcome
        if outcome is not None and events:
            outcome.first_byte_at = outcome.first_byte_at or monotonic()
            if isinstance(last := events[-1], ResponseEnd):
                outcome.usage, outcome.finish_reason, outcome.end = last.usage, last.finish_reason, "whole"
                self._settle()
        return events

    def close(self) -> None:
        if self._outcome is not None:
            self._outcome.end = "gone"
        self._settle()
        self._answer.close()

    def _settle(self, error: DragomanError | None = None) -> None:
        outcome, self._outcome = self._outcome, None
        if outcome is not None:
            _end(self._plan, outcome, error)
