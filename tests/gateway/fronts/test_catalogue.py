"""The fronts that are found: each path stands in one of them, and one takes all other paths."""

from collections import Counter
from time import time

from dragoman.client import Client
from dragoman.gateway.fronts.catalogue import all_fronts
from dragoman.gateway.fronts.table import FrontContext
from dragoman.gateway.remembered import Memory
from dragoman.store import MemoryStore


async def test_the_fronts_of_every_module_are_found_and_no_path_stands_twice() -> None:
    async with Client({}) as client:
        fronts = all_fronts(FrontContext(client, lambda: False, Memory(MemoryStore(0), 0, time)))
    paths = Counter((row.method, row.path) for front in fronts for row in front.rows)
    assert {"/v1/models", "/aibn/api/auth", "/cromicle/chat", "/health/live"} <= {path for _, path in paths}
    assert max(paths.values()) == 1
    assert [front.prefix for front in fronts if front.rest] == [""]
    assert len({front.prefix for front in fronts}) == len(fronts)
