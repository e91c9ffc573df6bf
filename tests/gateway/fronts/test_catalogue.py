"""The fronts that are found: a path of several is claimed by its callers, and one takes all other paths."""

from collections import Counter
from time import time

from dragoman.client import Client
from dragoman.gateway.fronts.catalogue import all_fronts, path_table
from dragoman.gateway.fronts.table import FrontContext, nobody
from dragoman.gateway.remembered import Memory
from dragoman.store import MemoryStore


async def test_the_fronts_of_every_module_are_found_and_what_has_one_path_is_told_apart() -> None:
    async with Client({}) as client:
        table, memory = path_table(client), Memory(MemoryStore(0), 0, time)
        fronts = all_fronts(FrontContext(client, str, lambda: table, memory))
    paths = {(row.method, row.path) for front in fronts for row in front.rows}
    plain = Counter((row.method, row.path) for front in fronts if front.claims is nobody for row in front.rows)
    claimed = Counter((row.method, row.path) for front in fronts if front.claims is not nobody for row in front.rows)
    assert {"/v1/models", "/aibn/api/auth", "/cromicle/chat", "/health/live"} <= {path for _, path in paths}
    assert max(plain.values()) == 1
    assert all(count == 1 or path in plain for path, count in claimed.items())
    assert [front.prefix for front in fronts if front.rest] == [""]
    prefixes = [front.prefix for front in fronts if front.prefix]
    assert len(set(prefixes)) == len(prefixes)
