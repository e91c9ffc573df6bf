"""Each field of a request, of each dialect, to each dialect: it is in what is sent, or it is named."""

import pytest

from tests.fields.dialects import DIALECTS
from tests.fields.requests import Pair, missed, pair_of, requests_of
from tests.fields.tables import EQUIVALENTS, REFUSED, SILENT, Row, unexplained

PAIRS = [(caller, service) for caller in DIALECTS for service in DIALECTS]
LEAST_LEAVES = {"openai-chat": 190, "openai-responses": 1400, "anthropic": 5000, "gemini": 600, "ollama": 75}
"""Fewer than the SDKs have today: so many are found at least."""


@pytest.mark.parametrize(("caller", "service"), PAIRS)
def test_no_field_of_a_request_is_lost_without_a_name(caller: str, service: str) -> None:
    assert list(missed(pair_of(caller, service))) == []


@pytest.mark.parametrize("caller", DIALECTS)
def test_what_a_caller_may_say_is_read(caller: str) -> None:
    requests = requests_of(caller)
    assert len(requests.asked) + len(requests.refused) >= LEAST_LEAVES[caller]
    assert unexplained(REFUSED, caller, requests.refused) == []


@pytest.mark.parametrize("row", [*SILENT, *EQUIVALENTS], ids=lambda row: row.of)
def test_a_row_of_the_tables_is_needed(row: Row) -> None:
    assert any(_needs(pair_of(caller, service), row) for caller, service in PAIRS if row.is_of(caller, service))


def _needs(pair: Pair, row: Row) -> bool:
    return any(
        pair.is_missed(asked) and (row.written is None or pair.stands_for(row, asked))
        for asked in pair.asked()
        if row.holds(*pair.name, asked.leaf.path)
    )
