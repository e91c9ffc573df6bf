"""All fronts: those that each module of this folder makes. No list is edited for a new one."""

import importlib
import pkgutil
from collections.abc import Callable
from functools import cache
from time import time

import dragoman.gateway.fronts
from dragoman.client import Client
from dragoman.gateway.fronts.table import Front, FrontContext, FrontMaker, PathTable
from dragoman.gateway.kept_turns import KeptTurns
from dragoman.gateway.metrics.observer import Metrics
from dragoman.gateway.prompt_caches.explained import PromptCaches
from dragoman.gateway.remembered import Memory
from dragoman.store import MemoryStore


def path_table(
    client: Client,
    unready: Callable[[], str] = str,
    memory: Memory | None = None,
    turns: KeptTurns | None = None,
    *,
    caches: PromptCaches | None = None,
    metrics: Metrics | None = None,
) -> PathTable:
    """The table of all fronts; see `FrontContext`. Raises ConfigurationError for wrong settings of one."""
    memory = memory or Memory(MemoryStore(0), 0, time)  # keeps nothing
    table = PathTable(all_fronts(FrontContext(client, unready, lambda: table, memory, turns, caches, metrics)))
    return table


def all_fronts(context: FrontContext) -> tuple[Front, ...]:
    """The fronts of every module, by the modules' names. Raises ConfigurationError for wrong settings of one."""
    return tuple(front for maker in _makers() for front in maker.make(context))


@cache
def _makers() -> tuple[FrontMaker, ...]:
    package = dragoman.gateway.fronts
    names = [info.name for info in pkgutil.iter_modules(package.__path__, f"{package.__name__}.")]
    found = [value for name in names for value in vars(importlib.import_module(name)).values()]
    return tuple(value for value in found if isinstance(value, FrontMaker))
