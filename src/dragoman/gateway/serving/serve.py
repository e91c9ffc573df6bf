"""Running the gateway: where it listens, and what is printed for its user."""

import asyncio
import gc
import logging
import os
import shlex
import socket
import sys
from collections.abc import Callable, Sequence
from math import inf

from msgspec import Struct

from dragoman.client import Client
from dragoman.client.model_table import NO_DEFAULT, OFFLINE
from dragoman.config import Config
from dragoman.errors import ConfigurationError
from dragoman.gateway.app import Gateway
from dragoman.gateway.carried import try_files
from dragoman.gateway.check import checked
from dragoman.gateway.hosts import unbracketed
from dragoman.gateway.http.timeouts import ServerTimeouts
from dragoman.gateway.log import begin
from dragoman.gateway.metrics.observer import succeeded
from dragoman.gateway.metrics.regions import Region, Regions
from dragoman.gateway.places import first_port
from dragoman.gateway.serving.allocator import keep_memory
from dragoman.gateway.serving.beats import PERIOD as BEAT
from dragoman.gateway.serving.beats import Beats
from dragoman.gateway.serving.descriptors import raise_limit
from dragoman.gateway.serving.lasting.colleagues import Colleagues, Mailboxes
from dragoman.gateway.serving.listening import Listeners, begin_to_listen, listen
from dragoman.gateway.serving.live_keys import SharedKeys
from dragoman.gateway.serving.loop_watch import LoopWatch
from dragoman.gateway.serving.reload import PERIOD, LiveConfig, Load, refused
from dragoman.gateway.serving.reloader import Reloader
from dragoman.gateway.serving.server import KEYS, RELOAD, Server
from dragoman.gateway.serving.shared_board import SharedBoard
from dragoman.gateway.serving.systemd import Notifier, inherited, notifier
from dragoman.gateway.serving.workers import Duty, Repeated, WorkerTask, run_workers
from dragoman.loop.every import Every
from dragoman.wire import json

COLLECTIONS = (5_000, 4, 400)
"""Thresholds of garbage collections: by Python's 700 objects, one runs every few requests, which leave no cycles. The
second kind looks at the objects of four or five of the first, in some 5 ms (by 20, 20, 20 at 400,000, in 90); the third
kind looks at all, after 8 million new ones."""

SWITCH = 0.001
"""Seconds after which a thread lets the loop go on, which may want to each time it has waited: by Python's own 5 ms,
a thread that decodes a large request would make each turn of the loop so long."""

EVERYWHERE = {"": "127.0.0.1", "0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104  # compared with, not listened on
"""Hosts that mean every address of the machine, to one of these addresses."""

log = logging.getLogger("dragoman.gateway")

UNSHARED = "gateway.store is not set: an answer of /v1/responses is known only to the worker that gave it"


def serve(
    config: Config,
    *,
    announce: Callable[[str], None] | None = None,
    timeouts: ServerTimeouts | None = None,
    load: Load | None = None,
) -> bool:
    """Runs until a signal stops it, then returns once the answers under way are complete or their grace is over.

    False if answers were interrupted then. `announce` is called with a greeting as soon as it listens: the address, and
    a command to try. `load` reads the configuration again, when HUP or a changed file asks for it; without it, or if no
    file was read, HUP stops the gateway. Raises ConfigurationError.
    """
    begin(config.gateway.log_level)
    raise_limit()
    keep_memory()
    client, workers = checked(config), config.gateway.workers
    board, keys = (SharedBoard(), SharedKeys()) if workers > 1 else (None, None)
    live = LiveConfig(config, load, board=board, shared=keys)
    gateway = Gateway(config, client=client, timeouts=timeouts, observers=(live.note,)) if workers == 1 else None
    if gateway is None:
        try_files(config)
    listeners = listen(config, inherited(os.environ))
    supervisor = notifier(os.environ)

    def ready() -> None:
        _log_start(config, listeners.names)
        supervisor.ready()
        if announce is not None:
            announce(greeting(config, client.default_model, listeners.port, listeners.unix_path))

    def leave() -> None:
        supervisor.stopping()
        listeners.close()

    try:
        if gateway is not None:
            milestones = Milestones(ready, supervisor.stopping, listeners.close)

            def attend(server: Server) -> Reloader:
                reloader = _attend(server, live, supervisor)
                begin_to_listen(listeners)  # not before signals are heeded: who can connect may send one
                return reloader

            well = run(gateway, listeners.sockets, attend, milestones)
        else:
            begin_to_listen(listeners)
            # Before the first fork, so that all workers share them.
            regions, beats, mailboxes = Regions(workers), Beats(workers), Mailboxes.new(workers)
            common = Common(live, timeouts, listeners, mailboxes)

            def work(words: int, place: int) -> bool:
                return _work(common, words, place, succeeded(regions.region(place)), lambda: beats.beat(place))

            def left() -> None:
                leave()
                mailboxes.close()

            limit = config.gateway.worker_timeout
            watch, patience = (None, inf) if limit is None else (beats, limit)
            duties = _duties(live, supervisor)
            ended = mailboxes.roster.leave
            task = WorkerTask(work, ready, left, *duties, beats=watch, timeout=patience, ended=ended)
            well = run_workers(workers, task)
    except ConfigurationError:
        leave()
        raise
    finally:
        live.close()
        supervisor.close()
    log.info("stopped" if well else "stopped; answers were interrupted")
    return well


def _log_start(config: Config, names: Sequence[str]) -> None:
    workers = config.gateway.workers
    files = ", ".join(map(str, config.files)) or "no configuration file"
    log.info("started: listens on %s, workers: %d, %s", ", ".join(names), workers, files)
    if workers > 1 and config.gateway.store is None:
        log.warning(UNSHARED)


def _attend(server: Server, live: LiveConfig, supervisor: Notifier) -> Reloader:
    """What a server heeds that is alone: signals, its files and keys, and systemd."""
    if supervisor.watchdog is not None:
        # Half of the time, as sd_watchdog_enabled(3) wants. By the loop: one that is blocked says nothing.
        Every(asyncio.get_running_loop(), supervisor.watchdog / 2, supervisor.alive)
    reloader = Reloader(server, live, supervisor)
    server.heed_signals(reloader.hung_up if live.can_reload else None)
    if live.may_change:
        reloader.watch()
    return reloader


class Common(Struct, frozen=True):
    """What all workers have."""

    live: LiveConfig
    timeouts: ServerTimeouts | None
    listeners: Listeners
    mailboxes: Mailboxes


def _work(common: Common, words: int, place: int, region: Region, beat: Callable[[], None]) -> bool:
    """What one of several workers does: it reloads when its parent, who has looked at the files, tells it to.

    It calls `beat` again and again, for its parent to see that its loop turns.
    """
    live = common.live.of_worker()

    def attend(server: Server) -> Reloader:
        Every(asyncio.get_running_loop(), BEAT, beat)
        reloader = Reloader(server, live, Notifier())
        server.heed_parent(words, {RELOAD: reloader.ask, KEYS: reloader.ask_keys})
        if common.listeners.own:
            server.stand_in(common.listeners.of_others(place))
        return reloader

    client = Client(live.config, board=live.board)
    client.leave_keys()
    gateway = Gateway(live.config, client=client, timeouts=common.timeouts, observers=(live.note,), region=region)
    return run(gateway, common.listeners.of(place), attend, colleagues=Colleagues(common.mailboxes, place))


def _duties(live: LiveConfig, supervisor: Notifier) -> tuple[Duty | None, tuple[Repeated, ...]]:
    """What the parent of several workers does on HUP, and again and again."""

    def reload() -> bool:
        supervisor.reloading()
        client = live.read()
        good = client is not None and _usable(client.config)
        if client is not None and good:
            live.take(client.config)
        supervisor.ready()
        return good

    def look() -> bool:
        return live.is_watched and live.has_changed() and reload()

    def look_at_keys() -> bool:
        client = live.look_at_keys() if live.wants_keys else None
        if client is not None:
            live.take_keys(client.config)
        return client is not None

    def sign() -> bool:
        supervisor.alive()
        return False

    repeated: tuple[Repeated, ...] = ()
    if live.may_change:
        repeated = (Repeated(look, PERIOD), Repeated(look_at_keys, PERIOD, order=KEYS))
    if supervisor.watchdog is not None:
        repeated = (*repeated, Repeated(sign, supervisor.watchdog / 2, to_the_end=True))
    return reload if live.can_reload else None, repeated


def _usable(config: Config) -> bool:
    """Whether its files can be used; if not, that is logged: with it no worker could take the place of another."""
    try:
        try_files(config)
    except ConfigurationError as exc:
        refused(exc)
        return False
    return True


class Milestones(Struct, frozen=True):
    """What is called as a server goes on; see `Server.run`."""

    ready: Callable[[], None] | None = None
    stopping: Callable[[], None] | None = None
    left: Callable[[], None] | None = None


NO_MILESTONES = Milestones()


def run(
    gateway: Gateway,
    listeners: list[socket.socket],
    attend: Callable[[Server], Reloader | None],
    milestones: Milestones = NO_MILESTONES,
    colleagues: Colleagues | None = None,
) -> bool:
    """Serves in this process until what `attend` has the server heed stops it; False if answers were interrupted.

    `colleagues`: the other workers, if there are any.
    """

    async def serving() -> int:
        server = Server(gateway, colleagues)
        reloader = attend(server)
        watch = LoopWatch()
        watch.start()
        try:
            return await server.run(listeners, milestones.ready, milestones.stopping, milestones.left)
        finally:
            watch.stop()
            if reloader is not None:
                await reloader.aclose()

    # Not asyncio.Runner: there SIGINT cancels the main task, but here it has to stop the server in an orderly way.
    loop = new_loop()
    settle()
    try:
        return loop.run_until_complete(serving()) == 0
    finally:
        loop.close()


def settle() -> None:
    """Lets neither the collector nor a thread hold the loop for long. For a process that serves from now on."""
    # The objects that exist now stay for ever, and requests leave few cycles: collections need not look at them.
    gc.collect()
    gc.freeze()
    gc.set_threshold(*COLLECTIONS)
    sys.setswitchinterval(SWITCH)


def new_loop() -> asyncio.AbstractEventLoop:
    """uvloop's, if it is installed."""
    try:
        from uvloop import new_event_loop
    except ImportError:
        return asyncio.new_event_loop()
    return new_event_loop()


def greeting(config: Config, model: str, port: int | None, unix_path: str = "") -> str:
    """The gateway's address, and a shell command that streams an answer of `model`, or of any model if it is empty.

    `unix_path`: the socket by which it is called if it has no port.
    """
    place = first_port(config.gateway)
    host = EVERYWHERE.get(bare := unbracketed(config.gateway.host if place is None else place.host), bare)
    url = "http://localhost" if port is None else f"http://{f'[{host}]' if ':' in host else host}:{port}"
    told = f"if no model is named, {model} answers" if model else f"callers must name a model: {NO_DEFAULT}"
    question = {"model": model or OFFLINE, "stream": True, "messages": [{"role": "user", "content": "Hello"}]}
    words = ["curl", "-N", f"{url}/v1/chat/completions", "-H", "Content-Type: application/json"]
    if port is None:
        words += ["--unix-socket", unix_path]
    if config.gateway.api_keys:
        words += ["-H", "Authorization: Bearer YOUR_KEY"]
    line = shlex.join([*words, "-d", json.encode(question).decode()])
    return f"dragoman listens on {url if port is not None else f'unix:{unix_path}'}; {told}. Try:\n\n{line}\n"
