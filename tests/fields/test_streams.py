"""Each field of each event of a stream, of each dialect, to each dialect, streamed or folded: it is told or named.

`make mutations` tries all of them; otherwise a sample is tried. One field shows that a row of the tables is needed.
"""

import random
from collections.abc import Iterator, Sequence
from functools import cache

import pytest

from tests.fields import reply_tables
from tests.fields.replies import Form, Replies, Telling, is_needed, missed
from tests.fields.schema import Leaf
from tests.fields.stream_tables import REFUSED, SILENT, of_answer
from tests.fields.streams import STREAMS
from tests.fields.tables import Row

PAIRS = [(service, caller) for service in STREAMS for caller in STREAMS]
LEAST_LEAVES = {"openai-chat": 320, "openai-responses": 3100, "anthropic": 1900, "gemini": 1000, "ollama": 55}
"""Fewer than the SDKs have today: so many are found at least."""

SEED = 20_261_126
SAMPLE = 120
"""Fields of each dialect that are tried: all together take half a minute."""


@cache
def leaves_of(service: str) -> tuple[Leaf, ...]:
    """All leaves of the service's events."""
    return tuple(STREAMS[service].leaves())


@cache
def replies_of(service: str, *, everything: bool) -> Replies:
    """The answers with those leaves, or with a sample of them."""
    leaves: Sequence[Leaf] = leaves_of(service)
    if not everything and len(leaves) > SAMPLE:
        leaves = random.Random(SEED).sample(leaves, SAMPLE)
    return Replies(service, leaves, STREAMS[service].written)


@pytest.fixture
def everything(request: pytest.FixtureRequest) -> bool:
    """Whether all leaves are tried."""
    return bool(request.config.getoption("--mutations"))


def is_explained(service: str, caller: str, path: str) -> bool:
    """Whether a table says why it is right that nothing is told of this leaf, by itself or in a whole answer."""
    return any(row.holds(service, caller, path) for row in SILENT) or any(
        row.holds(service, caller, of_answer(service, path)) for row in reply_tables.SILENT
    )


def lost(service: str, caller: str, form: Form, *, everything: bool) -> Iterator[str]:
    """The paths of the leaves that are lost in silence."""
    telling = Telling(replies_of(service, everything=everything), service, caller, form)
    missing = set(missed(telling, (), ()))
    for answered in telling.answered():
        path = answered.leaf.path
        if path not in missing or is_explained(service, caller, path):
            continue
        whole = of_answer(service, path)
        if not any(
            row.holds(service, caller, whole) and telling.stands_for(row, answered) for row in reply_tables.EQUIVALENTS
        ):
            yield path


@pytest.mark.parametrize("form", ["whole", "streamed"])
@pytest.mark.parametrize(("service", "caller"), PAIRS)
def test_no_field_of_an_event_is_lost_without_a_name(service: str, caller: str, form: Form, everything: bool) -> None:
    assert list(lost(service, caller, form, everything=everything)) == [], f"seed {SEED}"


@pytest.mark.parametrize("service", STREAMS)
def test_what_a_service_may_send_is_read(service: str, everything: bool) -> None:
    assert len(leaves_of(service)) >= LEAST_LEAVES[service]
    refused = replies_of(service, everything=everything).refused
    unexplained = [
        f"{path}: {why}" for path, why in refused.items() if not any(row.holds(service, "", path) for row in REFUSED)
    ]
    assert unexplained == [], f"seed {SEED}"


def of_row(row: Row) -> Iterator[tuple[str, Replies]]:
    """The services that a row is for, and each of their answers that it could explain."""
    for service in STREAMS:
        for leaf in leaves_of(service):
            if row.holds(service, "*", leaf.path) or any(row.holds(service, caller, leaf.path) for caller in STREAMS):
                yield service, Replies(service, [leaf], STREAMS[service].written)


@pytest.mark.parametrize("row", SILENT, ids=lambda row: row.of)
def test_a_row_of_the_table_is_needed(row: Row) -> None:
    assert any(
        is_needed(row, Telling(replies, service, caller, "streamed"))
        for service, replies in of_row(row)
        for caller in STREAMS
        if row.is_of(service, caller)
    )


@pytest.mark.parametrize("row", REFUSED, ids=lambda row: row.of)
def test_a_refusal_of_the_table_happens(row: Row) -> None:
    assert any(replies.refused for _, replies in of_row(row))
