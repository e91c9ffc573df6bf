"""What of a list of betas is left after a service's refusal, in the words of many services."""

import pytest

from dragoman.errors import (
    ContextLengthError,
    DragomanError,
    InvalidRequestError,
    OverloadedError,
    UnsupportedFeatureError,
)
from dragoman.protocols.betas import remaining, replaced, sent, untaken

FIELD = "anthropic-beta"
BETAS = "context-1m-2025-08-07,Effort-2025-11-24, tool-search-tool-2025-10-19,,effort-2025"

WORDS = [
    ("invalid beta flag", ""),
    ("The model returned the following errors: invalid beta flag", ""),
    ("Unexpected value(s) `nobody-2025` for the `anthropic-beta` header.", ""),
    (
        "Unexpected value(s) `context-1m-2025-08-07`, `tool-search-tool-2025-10-19` for the `anthropic-beta` header.",
        "Effort-2025-11-24,effort-2025",
    ),
    ('Unexpected beta header "effort-2025"', "context-1m-2025-08-07,Effort-2025-11-24,tool-search-tool-2025-10-19"),
    (
        "尚未验证或不支持的 anthropic-beta：effort-2025-11-24",
        "context-1m-2025-08-07,tool-search-tool-2025-10-19,effort-2025",
    ),
    ("The beta effort-2025.", "context-1m-2025-08-07,Effort-2025-11-24,tool-search-tool-2025-10-19"),
    ("max_tokens: Field required", None),
    ("context_management: Extra inputs are not permitted", None),
]


@pytest.mark.parametrize(("words", "left"), WORDS)
def test_those_that_it_names_are_left_out_else_all(words: str, left: str | None) -> None:
    assert remaining(BETAS, FIELD, InvalidRequestError(words)) == left


@pytest.mark.parametrize("kind", [ContextLengthError, OverloadedError, UnsupportedFeatureError])
def test_an_error_that_means_something_else_stands(kind: type[DragomanError]) -> None:
    assert remaining(BETAS, FIELD, kind("invalid beta flag")) is None


def test_without_betas_none_are_refused() -> None:
    assert remaining("", FIELD, InvalidRequestError("invalid beta flag")) is None


def test_a_list_may_come_in_several_fields() -> None:
    headers = ((FIELD, "a"), ("x", "y"), (FIELD, "b, c"))
    assert sent(headers, FIELD) == "a,b, c"
    assert replaced(headers, FIELD, "b") == (("x", "y"), (FIELD, "b"))
    assert replaced(headers, FIELD, "") == (("x", "y"),)
    assert [loss.name for loss in untaken("a,b, c", FIELD, "b")] == [f"{FIELD}.a", f"{FIELD}.c"]
    assert untaken("a,b, c", FIELD, "a,b, c") == ()
