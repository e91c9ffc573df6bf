"""The pages of policies: one anatomy, and a table of errors that is the code's own."""

import re

import pytest

from dragoman.routing.reactions import REACTIONS, Fault, Next
from tests.cli.shell import REPOSITORY

PAGES = sorted((REPOSITORY / "docs" / "policies").glob("*.md"))
ANATOMY = ["What it does", "Usage", "Settings", "What it emits", "Good path", "Bad path", "Do not"]

NEXT = {
    Next.NOBODY: "nobody",
    Next.LARGER: "a target that is known to hold more",
    Next.OTHER: "the next target",
    Next.SAME: "the same target, or the next one",
}
FAULT = {
    Fault.NONE: "nothing",
    Fault.FULL: "it rests until the time that it named",
    Fault.KEY: "the key is refused: all targets of the service rest for 60 s",
    Fault.MODEL: "the model is refused: the target rests for 60 s",
    Fault.BROKEN: "it is broken: its breaker counts it",
}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_every_page_has_the_same_anatomy(page: object) -> None:
    text = (REPOSITORY / str(page)).read_text(encoding="utf-8")
    assert re.findall(r"^## (.*)$", text, re.MULTILINE) == ANATOMY


def test_the_table_of_errors_is_that_of_the_code() -> None:
    text = (REPOSITORY / "docs" / "policies" / "retries.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `(\w+Error)` \| (.*?) \| (.*?) \|$", text, re.MULTILINE)
    assert rows == [(kind.__name__, NEXT[row.next], FAULT[row.fault]) for kind, row in REACTIONS.items()]
