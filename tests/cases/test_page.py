"""What a case's file may not say: a case that tests nothing must not pass."""

from pathlib import Path

import pytest

from tests.cases.asked import replies
from tests.cases.expected import outcomes
from tests.cases.page import CaseError, read
from tests.cases.reading import ReplySummary, understood
from tests.cases.service import ROLES, expand, services

KNOWN = {**ROLES, "toml expect": frozenset[str]()}
HEAD = "# A title.\n\nSome prose.\n\n"


def case(folder: Path, text: str) -> Path:
    """A file of these words."""
    path = folder / "case.md"
    path.write_text(text)
    return path


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("no title\n\nSome prose.\n", "a title that is a sentence"),
        ("# A title.\n\n```toml expect\na = 1\n```\n", "some prose"),
        (f"{HEAD}```toml expcet\na = 1\n```\n", "expected a block of"),
        (f"{HEAD}```events service colour=red\n[DONE]\n```\n", "got `colour=red`"),
        (f"{HEAD}```toml expect\na = 1\n", "an end of this block"),
    ],
)
def test_what_is_not_of_the_form_is_refused(text: str, complaint: str, tmp_path: Path) -> None:
    with pytest.raises(CaseError, match=complaint):
        read(case(tmp_path, text), KNOWN)


@pytest.mark.parametrize(
    "blocks", ["", "```toml expect\n```\n", "```toml expect\na = 1\n```\n```toml expect\na = 1\n```\n"]
)
def test_a_case_has_one_expectation(blocks: str, tmp_path: Path) -> None:
    with pytest.raises(CaseError, match="toml expect"):
        read(case(tmp_path, HEAD + blocks), KNOWN).table("toml expect")


@pytest.mark.parametrize("end", ["end=never", "for=nobody"])
def test_a_service_ends_in_a_known_way(end: str, tmp_path: Path) -> None:
    with pytest.raises(CaseError, match="expected end= of"):
        services(read(case(tmp_path, f"{HEAD}```events service {end}\n[DONE]\n```\n"), KNOWN))


@pytest.mark.parametrize(
    "table",
    [
        {"txet": "x"},
        {"text": "x", "error": {"cod": "x"}},
        {"text": "x", "relay": {"whole": {"usage": 3}}},
        {"relay": {"text": "x"}},
        {"text": "x", "only": ["rely"]},
    ],
)
def test_an_unknown_expectation_is_refused(table: dict[str, object]) -> None:
    with pytest.raises(CaseError):
        outcomes(table)


@pytest.mark.parametrize("table", [{"status": 200, "colour": "red"}, {"code": "x"}])
def test_an_unknown_expectation_of_a_request_is_refused(table: dict[str, object]) -> None:
    with pytest.raises(CaseError):
        replies(table)


def test_the_narrower_table_holds() -> None:
    found = outcomes({"text": "a", "relay": {"text": "b", "whole": {"text": "c"}}})
    texts = {path: outcome.text for path, outcome in found.items()}
    assert texts == dict.fromkeys(found, "a") | {"relay.stream": "b", "relay.whole": "c"}


def test_every_difference_is_told() -> None:
    expected = outcomes({"text": "a", "usage": {"input_tokens": 1}})["relay.stream"]
    told = ReplySummary(text="b", finish_reason="length", status=200, marked=False)
    assert len(expected.differences("relay.stream", told, [])) == 4


def test_an_error_that_did_not_come_is_told() -> None:
    expected = outcomes({"error": {"code": "x"}})["relay.whole"]
    assert expected.differences("relay.whole", ReplySummary(status=200, marked=False), []) == [
        "expected an error, got a good answer"
    ]


def test_a_short_form_is_written_out() -> None:
    said = expand('C({"content": "ü"}, "stop", {"usage": null})')
    assert said == (
        '{"id":"c1","object":"chat.completion.chunk","created":1,"model":"m",'
        '"choices":[{"index":0,"delta":{"content":"ü"},"finish_reason":"stop"}],"usage":null}'
    )
    assert '"message":{}' in expand("M({})")


def test_the_reader_is_as_strict_as_an_sdk() -> None:
    body = "\ufeffdata: 1\r\ndata: {}\r\rdata: [DONE]\n".encode()
    told = understood(200, {}, body, clean=True, stream=True)
    assert (told.marked, told.text) == (False, "")
