"""A file of results, read again: its parts as the tables that were printed when they were measured."""

from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct

from bench.exchanges import Exchanges, burst_rows, paced_rows
from bench.held import Held
from bench.held import rows as held_rows
from bench.paced import OpenStreams
from bench.paced import rows as open_rows
from bench.speed import KINDS, Turn
from bench.table import TITLES, speed_rows
from bench.tails import Tails
from bench.tails import rows as tail_rows
from bench.text import Rows
from bench.workers import Shared
from bench.workers import rows as worker_rows


class Speed(Struct, frozen=True):
    """The turns of the part `speed`."""

    turns: list[Turn]


class Record(Struct, frozen=True):
    """What one run wrote down, as far as pages and charts show it. None: the part was not measured."""

    machine: dict[str, str]
    parameters: dict[str, Any]
    speed: Speed | None = None
    paced: list[OpenStreams] | None = None
    dialects: Exchanges | None = None
    tails: list[Tails] | None = None
    held: list[Held] | None = None
    workers: list[Shared] | None = None


def read(path: Path) -> Record:
    """The file's record. Raises msgspec.ValidationError if it is none."""
    return msgspec.json.decode(path.read_bytes(), type=Record)


def tables(found: Record) -> dict[str, dict[str, Rows]]:
    """For each part that was measured: its tables by their titles."""
    shown: dict[str, dict[str, Rows]] = {}
    if found.speed is not None:
        turns = found.speed.turns
        names = list(dict.fromkeys(turn.contender for turn in turns if turn.case == "full"))
        shown["speed"] = {TITLES[kind]: speed_rows(turns, names, kind) for kind in KINDS}
    if found.paced is not None:
        shown["paced"] = {"streams whose events come alone": open_rows(found.paced)}
    if found.dialects is not None:
        bursts, streams = found.dialects.bursts, found.dialects.paced
        shown["dialects"] = {"bursts": burst_rows(bursts), "events that come alone": paced_rows(streams)}
    if found.tails is not None:
        shown["tails"] = {"JSON answers a second at a tail": tail_rows(found.tails)}
    if found.held is not None:
        shown["held"] = {"streams held": held_rows(found.held)}
    if found.workers is not None:
        shown["workers"] = {"one worker and two": worker_rows(found.workers)}
    return shown
