"""Each field of an answer, of each dialect, to each dialect, whole or streamed: it is told or named."""

import pytest

from tests.fields.answers import ANSWERS
from tests.fields.replies import Form, is_needed, missed, replies_of, telling_of
from tests.fields.reply_tables import EQUIVALENTS, REFUSED, SILENT
from tests.fields.tables import Row, unexplained

PAIRS = [(service, caller) for service in ANSWERS for caller in ANSWERS]
LEAST_LEAVES = {"openai-chat": 80, "openai-responses": 1100, "anthropic": 900, "gemini": 330, "ollama": 20}
"""Fewer than the SDKs have today: so many are found at least."""


@pytest.mark.parametrize("form", ["whole", "streamed"])
@pytest.mark.parametrize(("service", "caller"), PAIRS)
def test_no_field_of_an_answer_is_lost_without_a_name(service: str, caller: str, form: Form) -> None:
    assert list(missed(telling_of(service, caller, form))) == []


@pytest.mark.parametrize("service", ANSWERS)
def test_what_a_service_may_say_is_read(service: str) -> None:
    replies = replies_of(service)
    assert len(replies.answered) + len(replies.refused) >= LEAST_LEAVES[service]
    assert unexplained(REFUSED, service, replies.refused) == []


@pytest.mark.parametrize("row", [*SILENT, *EQUIVALENTS], ids=lambda row: row.of)
def test_a_row_of_the_tables_is_needed(row: Row) -> None:
    assert any(
        is_needed(row, telling_of(service, caller, "whole")) for service, caller in PAIRS if row.is_of(service, caller)
    )
