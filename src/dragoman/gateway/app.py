"""The gateway: who calls, what answers, and errors in the caller's own protocol. Knows no server."""

import asyncio
import logging
import traceback
from collections.abc import Callable, Sequence
from contextlib import suppress
from math import inf
from time import monotonic, time

from msgspec import Struct
from msgspec.structs import replace

from dragoman.client import Client
from dragoman.client.model_table import MAX_NAME
from dragoman.config import Config
from dragoman.errors import AuthenticationError, ConfigurationError, DragomanError, OverloadedError
from dragoman.gateway.answer import fit, numbered
from dragoman.gateway.attempts import asked_headers
from dragoman.gateway.attribution import attributed
from dragoman.gateway.carried import Carried
from dragoman.gateway.cors import Cors, asks_beforehand, check_origin
from dragoman.gateway.error_responses import error_response, nothing_at
from dragoman.gateway.fronts.catalogue import path_table
from dragoman.gateway.fronts.endpoints import LARGE, ChatEndpoint, Endpoint
from dragoman.gateway.fronts.table import Front
from dragoman.gateway.hosts import Hosts
from dragoman.gateway.http.request_limits import check_type
from dragoman.gateway.http.response_writer import ENDED, GONE, DisconnectedError, ResponseWriter
from dragoman.gateway.http.timeouts import ServerTimeouts
from dragoman.gateway.identity import Keys, shown_by
from dragoman.gateway.metrics.names import Names
from dragoman.gateway.metrics.observer import Metrics
from dragoman.gateway.metrics.regions import Region, Regions
from dragoman.gateway.metrics.table import IN_FLIGHT, LOG_LOST
from dragoman.gateway.observe import Observer
from dragoman.gateway.overload import Gate
from dragoman.gateway.prompt_caches.explained import MIN_BODY, Asking, cache_header
from dragoman.gateway.prompt_caches.later import Later
from dragoman.gateway.refusals import Refusal, Refusals
from dragoman.gateway.remembered import Memory
from dragoman.gateway.request_ids import RequestIds
from dragoman.gateway.server_settings import request_limits, server_timeouts
from dragoman.gateway.telemetry import Pipelines, Telemetry, exporting, telemetry_of
from dragoman.gateway.trace import check_hops, read_trace
from dragoman.routing.breaker import BreakerChange
from dragoman.types import CacheUse, Headers, Outcome, ServerRequest, ServerResponse
from dragoman.types.identity import UNATTRIBUTED
from dragoman.wire.steps import Steps, done

FRAMES = 12
"""The innermost frames of a bug that are logged: a recursion has a thousand, and a caller may cause it repeatedly."""

log = logging.getLogger("dragoman.gateway")


class Admitted(Struct, frozen=True):
    """What answers a request: its front, and an endpoint of it."""

    front: Front
    endpoint: Endpoint


class Gateway:
    """Answers callers of every protocol with the models of one client. Raises ConfigurationError.

    It closes `client` in the end; without one it makes its own. `observers` get each outcome, as its own observers do.
    `region`: where it counts; None: where no other process does. `pipelines`: where `gateway.otel` tells of requests.
    What `earlier` keeps, such as answers in memory, this one has too, and takes over once `earlier` is retired.
    """

    def __init__(
        self,
        config: Config,
        *,
        client: Client | None = None,
        timeouts: ServerTimeouts | None = None,
        observers: Sequence[Observer] = (),
        earlier: "Gateway | None" = None,
        region: Region | None = None,
        pipelines: Callable[[], Pipelines] = exporting,
    ) -> None:
        self.client = client or Client(config)
        self._region = region or Regions().region(0)
        self.metrics = _metrics(config, self.client, self._region)
        self._given = timeouts, observers, pipelines
        self.draining = False
        self.stopped = False
        self.interrupted = 0
        self.timeouts = timeouts or server_timeouts(config.gateway)
        self.drains = config.gateway.drain
        self.limits = request_limits(config.gateway)
        self.gate = Gate(config.gateway)
        self._refusals = Refusals()
        self.max_connections_per_peer = config.gateway.max_connections_per_peer
        self.max_lag = config.gateway.max_lag
        self.keys = Keys(config.gateway.api_keys)
        self._hosts = Hosts(config)
        lifetime = self.client.cache_lifetime
        if earlier is None:
            self._carried = Carried.new(config, lifetime)
        else:
            self._carried = earlier._carried.over(earlier.client.config, config, lifetime)
        self._successor: Gateway | None = None
        age = config.gateway.store_age
        memory = Memory(self._carried.store, inf if age is None else age, time)
        self._caches = self._carried.caches
        try:
            self._table = path_table(
                self.client, self._unready, memory, self._carried.turns, caches=self._caches, metrics=self.metrics
            )
        except ConfigurationError:
            self._carried.discard(None if earlier is None else earlier._carried)
            raise
        self.cors = Cors(config.gateway.cors_origins)
        self.request_ids = RequestIds()
        count = () if self.metrics is None else (self.metrics.note,)
        log_requests = () if self._carried.request_log is None else (self._carried.request_log.note,)
        told_before = None if earlier is None else earlier._telemetry
        self._telemetry: Telemetry | None = telemetry_of(config, self.client.providers, pipelines, told_before)
        trace = () if self._telemetry is None else (self._telemetry.note,)
        self.begun: Observer | None = None if self._telemetry is None else self._telemetry.begin
        """Told of each request as it begins; None: nobody wants to know. `outcome` does it itself."""
        self._observers: tuple[Observer, ...] = (
            self._carried.targets.observer(Names(config, self.client.providers).target),
            *count,
            *log_requests,
            *trace,
            *observers,
        )
        self._writers: set[ResponseWriter] = set()
        if self.metrics is not None:
            self.metrics.watch(IN_FLIGHT, lambda: self.under_way)
        self._watch_log(earlier)
        self.client.hear(self._turned)
        self.client.hear_rests(self._carried.targets.rested)
        self._later = Later(self._tell)
        self._last: asyncio.TimerHandle | None = None

    def outcome(self, call: ServerRequest, remote: str) -> Outcome:
        """The outcome of a request with this head from the address `remote`, as far as it is known at its beginning."""
        identity, attribution = shown_by(call), attributed(call)
        if attribution is not UNATTRIBUTED:
            identity = replace(identity, attribution=attribution)
        outcome = Outcome(
            self.request_ids.of(call),
            call.method,
            call.path,
            monotonic(),
            remote=remote,
            identity=identity,
            trace=read_trace(call),
        )
        if self.begun is not None:
            self.begun(outcome)
        return outcome

    def headers(self, call: ServerRequest, request_id: str) -> Headers:
        """Header fields of every answer to `call`."""
        named = self._table.find(call).front.codec.id_header
        more = self.cors.headers(call)
        return (*more, (named, request_id)) if named else more

    def admit(self, call: ServerRequest, outcome: Outcome) -> Admitted | ServerResponse:
        """What answers a request with this head, or the response that refuses it: the body need not be read for that.

        Who asks is noted in its `outcome`.
        """
        found = self._table.find(call)
        front = found.front
        outcome.front = front.name
        try:
            if found.endpoint is None or not front.any_host:
                self._hosts.check(call, outcome.remote)
            if outcome.trace:
                check_hops(outcome.trace)
            if asks_beforehand(call):
                check_origin(call, self.cors)
                return self.cors.answer(call, found.methods or ("GET", "POST"))
            if self.keys.required and not front.open:
                try:
                    identity, attribution = self.keys.check(call), outcome.identity.attribution
                    if attribution is not UNATTRIBUTED:
                        identity = replace(identity, attribution=attribution)
                    outcome.identity = identity
                except AuthenticationError as exc:
                    if not front.password:
                        refused = AuthenticationError(exc.message, code=front.refused)
                        answer = error_response(front, call, refused, outcome)
                        return replace(answer, headers=(*answer.headers, ("www-authenticate", "Bearer")))
            if found.endpoint is None:
                return nothing_at(self._table, found, call, outcome)
            if call.method == "POST" and not self.keys.required:
                check_origin(call, self.cors)
            if call.method == "POST" and front.json:
                check_type(call)
        except DragomanError as exc:
            return error_response(front, call, exc, outcome)
        return Admitted(front, found.endpoint)

    async def answer(self, admitted: Admitted, call: ServerRequest, writer: ResponseWriter) -> None:
        """Answers a whole request. A failure is reported to the caller, or shown by how its answer ends."""
        front = admitted.front
        self.hold(writer, call)
        writer.outcome.front, writer.remarks = front.name, self.all_remarks
        writer.first_heartbeat = front.codec.first_heartbeat(call)
        try:
            await admitted.endpoint(call, writer)
        except DragomanError as exc:
            await self.refuse(front, call, fit(exc, writer), writer)
        except DisconnectedError:
            return
        except Exception as exc:  # noqa: BLE001  # the edge of the process: a bug of ours must not take the server with it
            await self._apologise(front, call, exc, writer)
        finally:
            writer.abort()

    def hold(self, writer: ResponseWriter, call: ServerRequest) -> None:
        """From now on `interrupt` ends the request `call` of `writer`, until it is released."""
        writer.call = call
        if writer.state is not GONE:  # else it has been released, or will be as its work ends
            self._writers.add(writer)

    def resign(self, writer: ResponseWriter) -> None:
        """The request of `writer` goes on, and is another gateway's: it is released there."""
        self._writers.discard(writer)

    def postpone(self, writer: ResponseWriter) -> None:
        """The response of `writer` has ended, and waits for a caller who reads slowly: its release follows."""
        self._writers.add(writer)

    def release(self, writer: ResponseWriter) -> None:
        """Nothing more is done for the request of `writer`: its response was sent, or is lost.

        Its server calls this once for each request.
        """
        self._writers.discard(writer)
        if self.gate.active:
            self.gate.leave(writer)
        outcome = writer.outcome
        outcome.ended_at = monotonic()
        outcome.end = "whole" if writer.complete else "gone" if writer.disconnected else "broken"
        if len(outcome.model) > MAX_NAME:  # it was refused, and observers remember it
            outcome.model = outcome.model[:MAX_NAME]
        call = writer.call
        if call is not None and len(call.body) >= MIN_BODY and self._caches.concerns(outcome, call):
            self._later.explain(outcome, self._explained(outcome, call))
        else:
            self._tell(outcome)

    def _tell(self, outcome: Outcome) -> None:
        for observe in self._observers:
            try:
                observe(outcome)
            except Exception as exc:  # noqa: BLE001  # the edge of the process: another program's bug must harm no answer
                _log_bug(outcome, f"an observer failed: {type(exc).__name__}", exc)

    def _explained(self, outcome: Outcome, call: ServerRequest) -> Steps[CacheUse | None]:
        """How the answer to `call` used its service's cache."""
        chat = self._table.find(call).endpoint
        if not isinstance(chat, ChatEndpoint):
            return None
        asking = Asking(chat.codec, call, outcome.identity, outcome.model)
        return (yield from self._caches.explain(asking, outcome))

    def remarks(self, writer: ResponseWriter) -> Headers:
        """The header field that says how a complete answer used its service's cache, if there is anything to say.

        The answer's usage must be known. If the request is large, nothing is said here, so that others need not wait.
        """
        outcome, call = writer.outcome, writer.call
        if call is None or len(call.body) > LARGE or not self._caches.concerns(outcome, call):
            return ()
        outcome.cache = done(self._explained(outcome, call))
        return () if outcome.cache is None else cache_header(outcome.cache)

    def all_remarks(self, writer: ResponseWriter) -> Headers:
        """The same, and those that say which target answered, for an answer that has none of them yet."""
        return (*asked_headers(writer.outcome), *self.remarks(writer))

    def refusal(self, call: ServerRequest, error: DragomanError, outcome: Outcome) -> ServerResponse:
        """`error` in the protocol of the front that was called."""
        return error_response(self._table.find(call).front, call, error, outcome)

    def turned_away(self, call: ServerRequest, writer: ResponseWriter) -> Refusal | None:
        """The response to a request that may not begin now; None if it may. Asked only while the gate is active."""
        error = self.gate.enter(writer, call, writer.outcome.identity)
        if error is None:
            return None
        return self._refusals.refusal(self._table.find(call).front.codec, call, error, writer.outcome.request_id)

    @property
    def under_way(self) -> int:
        """The number of answers under way."""
        return len(self._writers)

    def drain(self) -> None:
        """From now on no more requests are wanted; the answers under way have their grace."""
        self.draining = True
        if self._last is None and self.timeouts.grace is not None:
            self._last = asyncio.get_running_loop().call_later(self.timeouts.grace, self.interrupt)

    def interrupt(self) -> None:
        """Ends every answer under way with an error. One that has ended, and waits to be sent, cannot be told any."""
        self.stopped = True
        self.interrupted = self.interrupted or len(self._writers)
        for writer in [each for each in self._writers if each.state is not ENDED]:
            writer.interrupt(OverloadedError("the gateway was stopped before the answer was whole", code="stopped"))

    def successor(self, client: Client) -> "Gateway":
        """A gateway of `client` in the place of this one, which knows what this one has found of the same targets.

        Raises ConfigurationError, and then nothing has changed.
        """
        client.follow(self.client)
        timeouts, observers, pipelines = self._given
        return Gateway(
            client.config,
            client=client,
            timeouts=timeouts,
            observers=observers,
            earlier=self,
            region=self._region,
            pipelines=pipelines,
        )

    def retire(self, successor: "Gateway", released: Observer) -> None:
        """Answers what it has begun, and no more: `released` is given each outcome.

        A key that `successor` does not know is refused from now on.
        """
        self._successor = successor
        if self.metrics is not None and successor.metrics is not None:
            successor.metrics.follow(self.metrics)
        self.keys.replace(successor.client.config.gateway.api_keys)
        self._observers = (*self._observers, released)

    def reopen(self) -> None:
        """Writes to a new request log, if the old one was moved away."""
        if self._carried.request_log is not None:
            self._carried.request_log.reopen()

    async def aclose(self) -> None:
        """Closes it, when no answer is under way."""
        if self._last is not None:
            self._last.cancel()
        self._later.finish()
        self._observers = ()
        # Whoever holds the first gateway would otherwise hold all that came after it.
        successor, self._successor = self._successor, None
        await self._carried.aclose(None if successor is None else successor._carried)
        if self.metrics is not None:
            self.metrics.close()
        if self._telemetry is not None:
            await self._telemetry.aclose(None if successor is None else successor._telemetry)
        await self.client.aclose()

    def _watch_log(self, earlier: "Gateway | None") -> None:
        """Counts the lines that the request log has lost; `earlier` has counted those of the same log until now."""
        log, known = self._carried.request_log, 0.0
        if log is None:
            return
        log.routes = self.client.config.models
        if earlier is not None and earlier.metrics is not None and earlier._carried.request_log is log:
            known = earlier.metrics.unwatch(LOG_LOST)
        if self.metrics is not None:
            self.metrics.watch(LOG_LOST, log.lost, known)

    def _unready(self) -> str:
        return "draining" if self.draining else "overloaded" if self.gate.closed else ""

    def _turned(self, change: BreakerChange) -> None:
        self._carried.targets.turned(change)
        # After a reload the new gateway tells of the breakers; this one only ends its answers.
        if self.metrics is not None and self._successor is None:
            self.metrics.turned(change)

    async def refuse(self, front: Front, call: ServerRequest, error: DragomanError, writer: ResponseWriter) -> None:
        """Answers with `error`, unless an answer has begun: then that one breaks off."""
        if not writer.started:
            writer.outcome.fail(error)
            with suppress(DisconnectedError):
                await writer.send(front.codec.refusal(call, numbered(error, writer.outcome)))

    async def _apologise(self, front: Front, call: ServerRequest, bug: Exception, writer: ResponseWriter) -> None:
        _log_bug(writer.outcome, type(bug).__name__, bug)
        message = f"the gateway failed; its log has the reason under request {writer.outcome.request_id}"
        await self.refuse(front, call, DragomanError(message), writer)


def _log_bug(outcome: Outcome, words: str, bug: Exception) -> None:
    # The message of the exception may hold a caller's text or a key, so only its place in the code is logged.
    where = "".join(traceback.format_tb(bug.__traceback__, -FRAMES))
    log.error("request %s: %s\n%s", outcome.request_id, words, where)


def _metrics(config: Config, client: Client, region: Region) -> Metrics | None:
    if config.gateway.metrics == "none":
        return None
    metrics = Metrics(config, client.providers, region)
    metrics.breakers({name: health.breaker.state for name, health in client.healths().items()})
    return metrics
