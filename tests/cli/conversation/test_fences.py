"""Fenced blocks found in an answer."""

import pytest

from dragoman.cli.conversation.fences import blocks


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("no code", []),
        ("```\na\n```", ["a\n"]),
        ("x\n```python title=x\na\n\n  b\n```\ny\n~~~\nc\n~~~\n", ["a\n\n  b\n", "c\n"]),
        ("````\n```\na\n```\n````", ["```\na\n```\n"]),
        ("```\n~~~\n```", ["~~~\n"]),
        ("```\na\n``\n````", ["a\n``\n"]),
        ("```\n```", [""]),
        ("1. do\n   ```sh\n   ls\n     -l\n\n  x\n   ```\n", ["ls\n  -l\n\nx\n"]),
        ("```\r\na\r\n```\r\n", ["a\n"]),
        ("```\na\nb", ["a\nb\n"]),
        ("``` `inline` ```", []),
        ("a ``` b", []),
        ("```x\na\n``` more\nb\n```", ["a\n``` more\nb\n"]),
    ],
)
def test_finds_the_code(text: str, code: list[str]) -> None:
    assert list(blocks(text)) == code
