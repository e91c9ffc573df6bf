"""How values are made that are more than any text: each maker is given the text that is looked for."""

from base64 import b64encode
from collections.abc import Callable
from typing import Any

from tests.fields.schema import Made


def text(mark: str) -> Made:
    """The text itself."""
    return Made(mark, mark)


def base64(mark: str) -> Made:
    """The text in base64."""
    coded = b64encode(mark.ljust(9).encode()).decode()
    return Made(coded, coded)


PNG = b64encode(b"\x89PNG\r\n\x1a\n    ").decode()
"""How a picture begins."""


PDF = "data:application/pdf;base64,YWJj"


def url(mark: str) -> Made:
    """An address."""
    return Made(f"https://example.com/{mark}", mark)


def schema(mark: str) -> Made:
    """A JSON Schema."""
    return Made({"type": "object", "properties": {"a": {"type": "string", "description": mark}}}, mark)


def json_text(mark: str) -> Made:
    """A JSON object as text."""
    return Made(f'{{"a": "{mark}"}}', mark)


def listed(made: Callable[[str], Made]) -> Callable[[str], Made]:
    """A list of one."""
    return lambda mark: Made([made(mark).value], made(mark).text)


def data_url(kind: str) -> Callable[[str], Made]:
    """A URL that holds its data."""
    return lambda mark: Made(f"data:{kind};base64,{base64(mark).value}", base64(mark).text)


def of(**fields: Any) -> Callable[[str], Made]:
    """An object; the text stands for each `...` in it."""
    return lambda mark: Made({name: mark if value is ... else value for name, value in fields.items()}, mark)


def function_of(mark: str) -> Made:
    """A function by its name, as OpenAI's choice lists it."""
    return Made({"type": "function", "function": {"name": mark}}, mark)


def named(mark: str) -> Made:
    return Made({"type": "function", "name": mark}, mark)


def pictures(mark: str) -> Made:
    """A list of one picture."""
    coded = PNG + base64(mark).value
    return Made([coded], coded)
