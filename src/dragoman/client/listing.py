"""The models that services list themselves: fetched when they are needed, and kept for a while."""

import asyncio
import logging
from collections.abc import Callable, Mapping
from time import monotonic
from types import MappingProxyType

from msgspec import Struct

from dragoman.errors import DragomanError
from dragoman.providers.catalogue import Provider
from dragoman.transport.selector import Transports
from dragoman.types import ModelFacts

PATIENCE = 2.0
"""Seconds that a service has for its list, because a person in front of a menu waits for it."""

FRESH = 300.0
"""Seconds for which a list is kept: models change from week to week."""

PAUSE = 60.0
"""Seconds for which a service that gave no list is not asked again."""

log = logging.getLogger("dragoman.client")


class Listed(Struct, frozen=True):
    """The last list of a service, and the time until which it is not asked again."""

    models: Mapping[str, ModelFacts] = MappingProxyType({})
    until: float = float("-inf")


class Listing:
    """Lists of models by the provider's name. `now`: seconds of a monotonic clock."""

    def __init__(
        self, providers: Mapping[str, Provider], transports: Transports, now: Callable[[], float] = monotonic
    ) -> None:
        self._providers = providers
        self._transports = transports
        self._now = now
        self._listed: dict[str, Listed] = {}
        self._asking: dict[str, asyncio.Task[None]] = {}

    async def of(self, names: tuple[str, ...]) -> dict[str, tuple[str, ...]]:
        """The list of each provider, or its last one if it does not answer now. All are asked at the same time."""
        stale = [name for name in names if self._listed.get(name, Listed()).until <= self._now()]
        # `wait`, because a client that is closed cancels these tasks, and that must not cancel the caller.
        done, _ = await asyncio.wait([self._task(name) for name in stale]) if stale else (set(), set())
        for task in done:
            if not task.cancelled():
                task.result()
        return {name: tuple(self._listed.get(name, Listed()).models) for name in names}

    def facts(self) -> dict[str, Mapping[str, ModelFacts]]:
        """What the last lists say of the models, by the provider's name and their own."""
        return {name: listed.models for name, listed in self._listed.items()}

    def close(self) -> None:
        """Ends the requests under way."""
        for task in self._asking.values():
            task.cancel()

    def _task(self, name: str) -> asyncio.Task[None]:
        """Asks once for all tasks that wait for it, and continues if one of them leaves."""
        loop = asyncio.get_running_loop()
        task = self._asking.get(name)
        if task is None or task.done() or task.get_loop() is not loop:
            task = self._asking[name] = loop.create_task(self._ask(name))
        return task

    async def _ask(self, name: str) -> None:
        models, good = self._listed.get(name, Listed()).models, PAUSE
        try:
            async with asyncio.timeout(PATIENCE):
                models, good = await self._providers[name].fetch_list(self._transports), FRESH
        except (DragomanError, TimeoutError) as exc:
            log.debug("%s gives no list of its models: %s", name, exc)
        finally:
            self._asking.pop(name, None)
        self._listed[name] = Listed(models, self._now() + good)
