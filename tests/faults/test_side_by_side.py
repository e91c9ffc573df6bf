"""Streams made at random come to the same over TLS, however it is spoken, as over plain sockets."""

import asyncio
import random
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.faults.cells import LOOPS, OTHER
from tests.faults.dialects import DIALECTS
from tests.faults.ground import Ground, Target, ground, until
from tests.faults.report import MAKERS
from tests.faults.tls import SPEECHES
from tests.faults.wire import Fin, Script, Steps, joined
from tests.seed import commit_seed
from tests.support.random_streams import HEAD, OURS, events_of, reads_of

STREAMS = 6
ALL_STREAMS = 300
OWN = re.compile(rb"https?://127\.0\.0\.1:\d+(?: reset| closed)?|dragomanMark[\w.=+/-]*")
"""What is said of a service and of its end, and the mark of what is its own. An alert of TLS is told as a reset."""


@pytest.mark.timeout(600)
@pytest.mark.parametrize("loop", LOOPS)
@pytest.mark.parametrize("dialect", DIALECTS)
def test_tls_changes_nothing(dialect: str, loop: str, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    given = request.config.getoption("--faults-seed")
    seed = commit_seed() if given is None else int(given)
    number = ALL_STREAMS if request.config.getoption("--faults") else STREAMS
    with asyncio.Runner(loop_factory=MAKERS[loop]) as runner:
        differing = runner.run(_compared(dialect, random.Random(f"{seed} {dialect} {loop}"), number, tmp_path))
    assert differing == [], f"with --faults-seed {seed}"


async def _compared(dialect: str, rng: random.Random, number: int, folder: Path) -> list[Any]:
    over = ["", *SPEECHES]
    targets = {f"side{place}": Target(dialect, over=each) for place, each in enumerate(over)}
    differing: list[Any] = []
    async with ground({**targets, f"spare-{dialect}": Target(dialect)}, folder) as up:
        for _ in range(number):
            steps, place = _steps(dialect, rng), rng.randrange(1, len(over))
            for ask in (_asked(up, dialect), _asked(up, OTHER[dialect]), _called(up)):
                # How many reads it comes in may change how it is counted, if it breaks off.
                up.service.scripts["side0"] = Script(tuple(joined(steps)) if SPEECHES[over[place]].joined else steps)
                up.service.scripts[f"side{place}"] = Script(steps)
                plain, secured = [await ask(name) for name in ("side0", f"side{place}")]
                if plain != secured:
                    differing.append((over[place], steps, plain, secured))
    return differing


def _steps(dialect: str, rng: random.Random) -> Steps:
    """A stream, whole or broken off."""
    kind = b"application/x-ndjson" if dialect == "ollama" else b"text/event-stream"
    reads = reads_of(events_of(dialect, rng), rng)
    whole = rng.random() < 0.6
    if not whole:
        del reads[rng.randrange(len(reads) + 1) :]
    end: Steps = (b"0\r\n\r\n",) if whole else ()
    closes = not whole or rng.random() < 0.3
    return (HEAD % kind, *reads, *end, *((Fin(),) if closes else ()))


Ask = Callable[[str], Any]


def _asked(up: Ground, front: str) -> Ask:
    """What a caller of this front gets, and what the log says."""

    async def ask(name: str) -> Any:
        seen = len(up.outcomes)
        got = await up.ask(front, f"{name}/m", stream=True)
        assert await until(lambda: len(up.outcomes) > seen)
        row = up.outcomes[seen]
        body = OWN.sub(b"it", OURS.sub(b"", got.body).replace(name.encode(), b"it"))
        return got.status, body, got.clean, row.end, row.error, row.usage

    return ask


def _called(up: Ground) -> Ask:
    """What a caller of the library gets."""

    async def ask(name: str) -> Any:
        _, heard = await up.call(f"{name}/m", "hi", stream=True)
        return heard.text, heard.ends, heard.code, heard.tokens

    return ask
