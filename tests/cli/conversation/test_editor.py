"""A text written in an editor."""

import pytest

from dragoman.cli.conversation.editor import edit
from dragoman.errors import InvalidRequestError


def editor(script: str) -> dict[str, str]:
    return {"EDITOR": f"sh -c '{script}' sh"}


def test_gives_what_the_editor_leaves() -> None:
    assert edit("one", editor('printf "\\nÜ\\n\\n" >> "$1"')) == "one\nÜ"
    assert edit("one", editor(":") | {"VISUAL": """sh -c 'printf two > "$1"' sh"""}) == "two"


@pytest.mark.parametrize(
    ("environment", "said"),
    [
        ({"EDITOR": "/none/such"}, "cannot be run: No such file"),
        ({"EDITOR": "sh -c 'open"}, "cannot be run: No closing quotation"),
        (editor("exit 3"), "ended with 3; its text is not used"),
        (editor('rm "$1"'), "left no text"),
        (editor('printf "\\377" > "$1"'), "left no text"),
    ],
)
def test_an_editor_that_fails_is_told(environment: dict[str, str], said: str) -> None:
    with pytest.raises(InvalidRequestError, match=said):
        edit("one", environment)
