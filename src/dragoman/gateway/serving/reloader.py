"""Reloads the configuration of one server: when it is told to, if the files have changed, or with keys that are new."""

import asyncio
import logging
from collections.abc import Callable

from dragoman.client import Client
from dragoman.config import Config
from dragoman.errors import ConfigurationError
from dragoman.gateway.serving.hangup import Terminal
from dragoman.gateway.serving.reload import PERIOD, LiveConfig, refused
from dragoman.gateway.serving.server import Server
from dragoman.gateway.serving.systemd import Notifier
from dragoman.loop.every import Every

log = logging.getLogger("dragoman.gateway")


class Reloader:
    """Puts a gateway of the new configuration in the place of the old one. While the server stops, it does nothing."""

    def __init__(self, server: Server, live: LiveConfig, notifier: Notifier) -> None:
        self._server = server
        self._live = live
        self._notifier = notifier
        self._terminal = Terminal()
        self._loop = asyncio.get_running_loop()
        self._asked = self._keys_asked = False
        self._task: asyncio.Task[None] | None = None
        self._every: Every | None = None

    def watch(self) -> None:
        """From now on a changed file is seen by itself."""
        self._every = Every(self._loop, PERIOD, self.look)

    def look(self) -> None:
        """Reloads if the files have changed, and stand still since the last call; and looks at what commands print."""
        if self._live.is_watched and self._live.has_changed():
            self.ask()
        if self._live.wants_keys:
            self.ask_keys()

    def hung_up(self) -> None:
        """Reloads; if the terminal is gone, the server stops instead."""
        if self._terminal.is_gone:
            self._server.leave()
        else:
            self.ask()

    def ask(self) -> None:
        """Reloads. If it is asked during that, it reloads once more."""
        if self._server.stopping:
            log.info("not reloaded: it is stopping")
            return
        self._asked = True
        self._begin()

    def ask_keys(self) -> None:
        """Looks at the keys, and takes those that are new."""
        self._keys_asked = True
        self._begin()

    def _begin(self) -> None:
        if self._task is None and not self._server.stopping:
            self._task = self._loop.create_task(self._work())

    async def aclose(self) -> None:
        """Returns when nothing is under way any more."""
        if self._every is not None:
            self._every.stop()
        if self._task is not None:
            await self._task
        self._live.close()

    async def _work(self) -> None:
        live = self._live
        try:
            while (self._asked or self._keys_asked) and not self._server.stopping:
                if self._asked:
                    self._asked = False
                    self._notifier.reloading()
                    await self._replace(live.read, live.take)
                    self._notifier.ready()
                else:
                    self._keys_asked = False
                    await self._replace(live.look_at_keys, live.take_keys)
        finally:
            self._task = None

    async def _replace(self, find: Callable[[], Client | None], take: Callable[[Config], None]) -> None:
        # In a thread, because a large configuration takes longer than answers under way should wait.
        client = await asyncio.to_thread(find)
        if client is None or self._server.stopping:
            return
        try:
            gateway = self._server.gateway.successor(client)
        except ConfigurationError as exc:  # a store or a log that cannot be opened
            refused(exc)
            return
        self._server.replace(gateway)
        take(client.config)
