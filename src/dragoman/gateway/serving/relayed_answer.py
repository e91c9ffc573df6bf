"""The answer to a request that can be relayed: one attempt after another, as its plan says, until one has content.

An attempt is made in one of two ways:

    relayed      the target has the caller's protocol: bytes pass in callbacks, without a task
    translated   any other target, and any reply that cannot pass as it is: events are decoded and encoded in a task

Both ways send nothing before the first content: so, after a failure until then, another target can be asked, or the
caller can get a status. Both ask the same plan what follows after a failure.
"""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from functools import partial
from math import inf
from time import monotonic
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from dragoman.engine.answer import Answer
from dragoman.engine.commit import held
from dragoman.engine.relay import Relay
from dragoman.engine.relay_target import RelayTarget
from dragoman.engine.spent import Noted
from dragoman.errors import DragomanError
from dragoman.gateway.answer import fit, fit_late
from dragoman.gateway.app import Admitted, Gateway
from dragoman.gateway.attempts import asked_headers
from dragoman.gateway.fronts.endpoints import ChatEndpoint, of_call
from dragoman.gateway.http.direct_writer import DirectWriter
from dragoman.gateway.http.heads import fields
from dragoman.gateway.losses_header import losses_header
from dragoman.gateway.prompt_caches.explained import MIN_BODY, reports_cache
from dragoman.gateway.serving.opened import Opened
from dragoman.gateway.serving.relayed_heads import stream_head, whole_head
from dragoman.loop.outlet import Outlet
from dragoman.protocols.answer_model import named_model
from dragoman.protocols.relay import RelayRequest
from dragoman.routing.deadline import in_time, too_late
from dragoman.routing.plan import Course, Single, Target
from dragoman.routing.settled import Settled
from dragoman.routing.tried import Attempts
from dragoman.transport.base import Reply
from dragoman.types import ChatRequest, ServerRequest
from dragoman.types.outcome import End

Spawn = Callable[[Coroutine[Any, Any, None]], "asyncio.Task[None]"]
"""Runs a coroutine in a task, and keeps a reference to it."""


class RelayContext(Struct, frozen=True):
    """What the relays of one server have in common."""

    gateway: Gateway
    spawn: Spawn
    loop: asyncio.AbstractEventLoop


class RelayedAnswer:
    """The answer to one request. Its relay calls it (as `RelaySink`), and so does the caller's connection."""

    __slots__ = (
        "__weakref__",
        "_admitted",
        "_asked_at",
        "_attempts",
        "_betas",
        "_call",
        "_chat",
        "_codec",
        "_context",
        "_course",
        "_final",
        "_lost",
        "_outcome",
        "_relay",
        "_relayed",
        "_reply",
        "_request",
        "_target",
        "_task",
        "_timer",
        "_tries",
        "_writer",
    )

    def __init__(  # noqa: PLR0917  # arguments by name cost a class as much as ten of its attributes
        self,
        context: RelayContext,
        admitted: Admitted,
        call: ServerRequest,
        writer: DirectWriter,
        chat: ChatEndpoint,
        course: Course,
        request: RelayRequest,
        final: bool,
    ) -> None:
        self._context = context
        self._admitted = admitted
        self._chat = chat
        self._call = call
        self._writer = writer
        self._outcome = writer.outcome
        self._course = course
        self._final = final
        self._request = request
        self._attempts: Attempts | None = None
        self._tries = 1
        """Attempts that were begun."""
        self._lost = b""
        """The header that lists what was left out for the target, and what the target itself lost."""
        self._betas: str | None = None
        """The betas that the target gets in place of the caller's, which it has refused."""
        self._reply: Reply | None = None
        self._relay: Relay | None = None
        self._task: asyncio.Task[None] | None = None
        writer.watcher = self

    def attempt(self, known: RelayTarget | None = None) -> None:
        """Begins the attempt at the target that the course says; `known`: how it is relayed to, if that is known."""
        target = self._target = self._course.target
        writer, request = self._writer, self._request
        self._timer: asyncio.TimerHandle | None = None
        """What begins the next attempt, or ends one that is relayed when the course must be over."""
        self._asked_at: float | None = None
        """When the request was handed on to the target, or to what translates it; None until then."""
        try:
            relayed = known or target.relay(self._chat.codec.relay_name or self._chat.codec.name, request)
        except DragomanError:
            relayed = None  # the settings of the target are wrong; the translation will raise the same error
        self._relayed = relayed
        if relayed is None:
            self._relay, self._asked_at = None, monotonic()
            self._task = self._context.spawn(self._translate(target.open))
            return
        self._codec = relayed.codec
        relay = self._relay = Relay(relayed, request, self)
        relay.paused = writer.congested
        first = self._attempts is None and self._betas is None  # it has the same limit as its own
        if not first and self._course.ends != inf:
            self._timer = self._context.loop.call_at(self._course.ends, self._end_late)
        relay.start(request, target.model, self._context.loop, self._outcome.trace, self._betas)
        self._asked_at = monotonic()

    # Called by the relay.

    def refuse(self, error: DragomanError) -> None:
        if self._relay is not None and self._relay.answered:
            error.upstream_status = 200
        if error.provider is None:  # we ended it ourselves
            self._left()
            self._stop(error)
            return
        now = monotonic()
        error.attempts = (error.attempt(self._target.name, now if self._asked_at is None else self._asked_at, now),)
        self._failed(error)

    def take_over(self, reply: Reply) -> None:
        lost = () if self._relay is None else self._relay.losses
        self._relay = None
        self._end_timer()
        self._reply = reply
        self._task = self._context.spawn(self._translate(lambda request: self._target.receive(request, reply, lost)))

    def give(self, body: bytes) -> None:
        now = self._context.loop.time()
        self._course.committed(now)
        self._settle("whole", now)
        self._note()
        self._answers(body)
        self._relay = None
        lines = whole_head(self._codec, self._target.name, self._tries).lines + self._lost
        if len(self._call.body) >= MIN_BODY and reports_cache(self._outcome.usage):
            lines += fields(self._context.gateway.remarks(self._writer))
        self._writer.send_bytes(200, lines, body)

    def begin(self, data: bytes, *, more: bool) -> None:
        self._course.committed(self._context.loop.time())
        self._answers(data)
        lines = stream_head(self._codec, self._target.name, self._tries).lines + self._lost
        self._writer.start_nowait(200, lines, sized=False)
        self._writer.heartbeat = self._codec.heartbeat
        self.pass_on(data, more=more)

    def pass_on(self, data: bytes, *, more: bool) -> None:
        if not more:
            self._settle("whole", self._context.loop.time())
            self._note()
            self._relay = None
        self._writer.write_nowait(data, more=more)

    def connect(self, outlet: Outlet) -> bool:
        return self._writer.connect(outlet)

    def fail(self, error: DragomanError) -> None:
        now = self._context.loop.time()
        if error.provider is None:
            self._settle("gone", now)
        else:
            self._settle("broken", now, error)
        said = fit_late(error, self._writer)
        words = None if self._relay is None else self._relay.failure(said)
        if words is None:
            words = self._chat.codec.encode_stream_error(said)
        self._outcome.fail(error)
        self._writer.broken = True
        self._note()
        self._spent()
        self._relay = None
        self._writer.write_nowait(words, more=not (self._chat.clean and words))
        self._writer.abort()

    # Called by the caller's connection.

    @property
    def paused(self) -> bool:
        """Whether nothing more can be sent for now, because the caller reads too slowly."""
        return self._relay is not None and self._relay.paused

    @paused.setter
    def paused(self, on: bool) -> None:
        if self._relay is not None and on:
            self._relay.pause()

    def resume(self) -> None:
        """The caller reads again."""
        if self._relay is not None:
            self._relay.resume()

    def close(self) -> None:
        """The caller has gone."""
        self._settle("gone", self._context.loop.time())
        self._left()
        self._note()
        self._spent()
        relay, self._relay = self._relay, None
        if relay is not None:
            relay.close()
        self._end_task()
        self._end_timer()

    def interrupt(self, error: DragomanError) -> None:
        """Ends it at once, with `error`."""
        if self._relay is not None:
            self._relay.interrupt(error)
        elif self._task is not None or self._timer is not None:
            self._left()
            self._end_task()
            self._end_timer()
            self._stop(error)

    # Not called from outside.

    def _settle(self, end: End, now: float, error: DragomanError | None = None) -> None:
        if self._timer is not None:
            self._end_timer()
        self._course.settle(end, now, error)

    def _stop(self, error: DragomanError) -> None:
        """Reports an error of ours, which says nothing of the target."""
        self._settle("gone", self._context.loop.time())
        self._refuse(error)

    def _end_late(self) -> None:
        """The course must be over, and its relay is not."""
        self._timer = None
        if self._relay is not None:
            self._relay.interrupt(too_late(self._target.name))

    def _end_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _end_task(self) -> None:
        if self._task is not None:
            self._task.cancel()
        self._end_reply()  # a task that is cancelled before its first step runs no code that would close it

    def _end_reply(self) -> None:
        if self._reply is not None:
            self._reply.close()

    def _failed(self, error: DragomanError) -> None:
        """The attempt has failed before any content: asks the next target, or reports the error."""
        self._relay = self._task = self._reply = None
        self._end_timer()
        loop, wait = self._context.loop, None
        relayed, self._relayed = self._relayed, None
        betas, self._betas = self._betas, None
        if self._context.gateway.stopped or self._writer.unheard:
            self._settle("broken", loop.time(), error)  # nobody waits for the answer of another target
        elif relayed is not None and betas is None and self._may_ask_without(relayed, error):
            self.attempt(relayed)
            return
        else:
            wait = self._course.after(error, loop.time())
        if wait is None:
            self._refuse(error if self._attempts is None else self._attempts.last(error))
            return
        if self._attempts is None:
            self._attempts = Attempts()
        self._attempts.failed(error)
        self._tries += 1
        if wait:
            self._timer = loop.call_later(wait, self.attempt)
        else:
            self.attempt()

    def _may_ask_without(self, relayed: RelayTarget, error: DragomanError) -> bool:
        """Whether the target may answer without betas of the caller, which it has refused."""
        self._betas = relayed.fewer_betas(self._target.model, self._request.headers, error)
        return self._betas is not None

    def _learn(self) -> None:
        """The target answers. Remembers the betas with which it does, if it has refused those of the caller."""
        if self._betas is not None and self._relayed is not None:
            self._relayed.learn_betas(self._target.model, self._request.headers, self._betas)

    def _refuse(self, error: DragomanError) -> None:
        """Reports the error to the caller: as a status or, if a heartbeat has begun a stream, inside that stream."""
        self._task = None
        if self._writer.started:
            self.fail(error)
        else:
            self._outcome.fail(error)
            answer = self._chat.codec.refusal(self._call, fit(error, self._writer))
            self._writer.send_nowait(replace(answer, headers=(*answer.headers, *asked_headers(self._outcome))))

    async def _translate(self, opened: Callable[[ChatRequest], Awaitable[Answer]]) -> None:
        """Makes the attempt by translation. `opened` gives its answer, from the reply that could not pass, if any."""
        wrong: DragomanError | None = None
        try:
            identity = self._outcome.identity
            request = of_call(await self._chat.question(self._call, identity), self._call, self._outcome)
            request = await self._chat.recalled(request, identity)
        except DragomanError as exc:
            if self._reply is None or self._reply.head.status < 300:
                self._end_reply()
                self._stop(exc)
                return
            # The request cannot be translated. But the reply says why the service refused it, and the next target may
            # be one that is relayed to.
            wrong, request = exc, ChatRequest(model=self._request.model, messages=())
        except BaseException:
            self._end_reply()
            raise

        try:
            answer = await in_time(self._course, partial(self._begun, opened, request))
        except DragomanError as exc:
            self._failed(exc)
            return
        if wrong is not None:
            answer.close()
            self._stop(wrong)
            return
        self._learn()
        if self._attempts is not None:
            answer.attempts = self._attempts.tried
        if not isinstance(self._course, Single):
            answer = Settled(answer, self._course, self._context.loop.time, committed=not self._final)
        self._writer.watcher = self._task = self._reply = None
        admitted = Admitted(self._admitted.front, Opened(self._chat, request, answer))
        del request, opened  # they may be large, and an open stream does not need them
        await self._context.gateway.answer(admitted, self._call, self._writer)

    async def _begun(
        self, opened: Callable[[ChatRequest], Awaitable[Answer]], request: ChatRequest, _: Target
    ) -> Answer:
        answer = self._chat.fitting(await opened(request))
        if self._final:
            return answer
        if self._request.stream:
            return await held(answer)
        return await held(Noted(answer, self._outcome), entire=True)

    def _answers(self, beginning: bytes) -> None:
        """The target answers, with these first bytes."""
        if self._betas is not None:
            self._learn()
        outcome = self._outcome
        if outcome.span is not None:
            outcome.answering_model = named_model(beginning, self._codec.model_at)
        outcome.target, outcome.upstream_status, outcome.asked_at = self._target.name, 200, self._asked_at
        if self._attempts is not None:
            outcome.attempts = self._attempts.tried
        if (relay := self._relay) is not None:
            outcome.came_at = relay.came_at
            if relay.losses:
                self._lost = fields(losses_header(relay.losses, outcome))
            if relay.summary is not None:
                self._chat.begins(self._request, relay.summary, outcome)

    def _left(self) -> None:
        """Notes who was asked until now, because the caller has left or we end it, unless the outcome is known."""
        outcome = self._outcome
        if outcome.target or outcome.error:
            return
        asked = self._relay is not None or self._task is not None
        failed = () if self._attempts is None else self._attempts.tried
        outcome.answered_by(self._target.name if asked else "", failed, self._asked_at if asked else None)

    def _note(self) -> None:
        relay, outcome = self._relay, self._outcome
        if relay is not None and (summary := relay.summary) is not None:
            summary.count()
            outcome.usage, outcome.finish_reason = summary.usage, summary.finish_reason
            if relay.bypass is not None:
                outcome.sent += relay.bypass.passed

    def _spent(self) -> None:
        if self._relay is not None:
            self._relay.spent(self._outcome)
