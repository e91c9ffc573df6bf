"""Running the gateway: where it listens, and what is printed for its user."""

import asyncio
import errno
import gc
import logging
import shlex
import socket
from collections.abc import Callable

from dragoman.client.model_table import NO_DEFAULT, OFFLINE
from dragoman.config import Config
from dragoman.errors import ConfigurationError
from dragoman.gateway.app import Gateway
from dragoman.gateway.check import check
from dragoman.gateway.hosts import addresses, unbracketed
from dragoman.gateway.http.timeouts import ServerTimeouts
from dragoman.gateway.log import begin
from dragoman.gateway.serving.allocator import keep_memory
from dragoman.gateway.serving.descriptors import raise_limit, room
from dragoman.gateway.serving.lasting.lasting_server import server_for
from dragoman.gateway.serving.server import Server
from dragoman.gateway.serving.workers import WorkerTask, run_workers
from dragoman.wire import json

COLLECTIONS = (20_000, 20, 20)
"""Thresholds of garbage collections: by Python's 700 objects, one runs every few requests, which leave no cycles."""

EVERYWHERE = {"": "127.0.0.1", "0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104  # compared with, not listened on
"""Hosts that mean every address of the machine, to one of these addresses."""

REASONS = {
    errno.EADDRINUSE: "another program listens there already; stop it, or choose another gateway.port",
    errno.EACCES: "this user may not listen there; choose a gateway.port above 1023",
    errno.EADDRNOTAVAIL: "this machine has no such address; choose another gateway.host",
}

log = logging.getLogger("dragoman.gateway")


def serve(
    config: Config, *, announce: Callable[[str], None] | None = None, timeouts: ServerTimeouts | None = None
) -> bool:
    """Runs until a signal stops it, then returns once the answers under way are complete or their grace is over.

    False if answers were interrupted then. `announce` is called with a greeting as soon as it listens: the address, and
    a command to try. Raises ConfigurationError.
    """
    begin(config.gateway.log_level)
    raise_limit()
    keep_memory()
    check(config)
    gateway = Gateway(config, timeouts=timeouts)
    listeners = bind(config.gateway.host, config.gateway.port)
    workers = config.gateway.workers

    def ready() -> None:
        host, port = config.gateway.host or "every address", listeners[0].getsockname()[1]
        files = ", ".join(map(str, config.files)) or "no configuration file"
        log.info("started: listens on port %d of %s, workers: %d, %s", port, host, workers, files)
        if announce is not None:
            announce(greeting(config, gateway.client.default_model, port))

    def leave() -> None:
        for each in listeners:
            each.close()

    try:
        if workers == 1:
            well = run(gateway, listeners, lambda server: server.heed_signals(), ready)
        else:
            for each in listeners:
                each.listen(room().backlog)
            well = run_workers(
                workers, WorkerTask(lambda words: _work(config, timeouts, listeners, words), ready, leave)
            )
    except ConfigurationError:
        leave()
        raise
    log.info("stopped" if well else "stopped; answers were interrupted")
    return well


def _work(config: Config, timeouts: ServerTimeouts | None, listeners: list[socket.socket], words: int) -> bool:
    """What one of several workers does."""
    return run(Gateway(config, timeouts=timeouts), listeners, lambda server: server.heed_parent(words))


def run(
    gateway: Gateway,
    listeners: list[socket.socket],
    heed: Callable[[Server], None],
    ready: Callable[[], None] | None = None,
) -> bool:
    """Serves in this process until what the server was made to `heed` stops it; False if answers were interrupted."""

    async def serving() -> int:
        server = server_for(gateway)
        heed(server)
        return await server.run(listeners, ready)

    # Not asyncio.Runner: there SIGINT cancels the main task, but here it has to stop the server in an orderly way.
    loop = new_loop()
    # The objects that exist now stay for ever, and requests leave few cycles: collections need not look at them.
    gc.collect()
    gc.freeze()
    gc.set_threshold(*COLLECTIONS)
    try:
        return loop.run_until_complete(serving()) == 0
    finally:
        loop.close()


def new_loop() -> asyncio.AbstractEventLoop:
    """uvloop's, if it is installed."""
    try:
        from uvloop import new_event_loop
    except ImportError:
        return asyncio.new_event_loop()
    return new_event_loop()


def bind(host: str, port: int) -> list[socket.socket]:
    """A socket for each address of `host`, all on one port. Raises ConfigurationError that says why that cannot be."""
    listeners: list[socket.socket] = []
    failures: list[OSError] = []
    for family, address in addresses(host):
        listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        try:
            listener.bind((address, listeners[0].getsockname()[1] if listeners else port))
        except OSError as exc:
            listener.close()
            failures.append(exc)
        else:
            listeners.append(listener)
    # A machine without IPv6 may still resolve a name to `::1`: that alone is no reason to stop.
    fatal = [exc for exc in failures if not listeners or exc.errno != errno.EADDRNOTAVAIL]
    if fatal:
        for listener in listeners:
            listener.close()
        reason = REASONS.get(fatal[0].errno or 0, fatal[0].strerror)
        raise ConfigurationError(f"cannot listen on port {port} of {host or 'any address'}: {reason}") from fatal[0]
    return listeners


def greeting(config: Config, model: str, port: int) -> str:
    """The gateway's address, and a shell command that streams an answer of `model`, or of any model if it is empty."""
    host = unbracketed(EVERYWHERE.get(config.gateway.host, config.gateway.host))
    url = f"http://{f'[{host}]' if ':' in host else host}:{port}"
    told = f"where no model is named, {model} answers" if model else f"callers must name a model: {NO_DEFAULT}"
    question = {"model": model or OFFLINE, "stream": True, "messages": [{"role": "user", "content": "Hello"}]}
    words = ["curl", "-N", f"{url}/v1/chat/completions", "-H", "Content-Type: application/json"]
    if config.gateway.api_keys:
        words += ["-H", "Authorization: Bearer YOUR_KEY"]
    line = shlex.join([*words, "-d", json.encode(question).decode()])
    return f"dragoman listens on {url}; {told}. Try:\n\n{line}\n"
