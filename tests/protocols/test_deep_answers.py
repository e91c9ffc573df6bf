"""Answers nested so deeply that to read them ends at a limit of Python: never more than an error of the service."""

import pytest

from tests.faults.dialects import DIALECTS, reply
from tests.support.readings import decoded, read_whole, tapped

DEPTHS = (480, 900, 2000, 9000)
"""Python 3.11 decodes some 900 levels of JSON, 3.13 nearly 10,000; a function that calls itself gets to 1,000."""
FORMS = {"a value": "%s", "a field": '{"x":%s}', "an error": '{"error":%s}', "no strict JSON": '{"y":NaN,"x":%s}'}


@pytest.mark.parametrize("kind", ["lists", "objects"])
@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)
@pytest.mark.parametrize("depth", DEPTHS)
@pytest.mark.parametrize("dialect", DIALECTS)
def test_reading_never_raises(dialect: str, depth: int, form: str, kind: str) -> None:
    nested = "[" * depth + "]" * depth if kind == "lists" else '{"x":' * depth + "1" + "}" * depth
    body = (form % nested).encode()
    event = body + b"\n" if dialect == "ollama" else b"data: " + body + b"\n\n"
    good = reply(dialect, stream=True)
    pieces = [*good.pieces[: good.first + 1], event, *good.pieces[good.first + 1 :]]
    for read in (decoded(dialect, body), read_whole(dialect, body)):
        assert read[0] is not None or read[4]
    decoded(dialect, b"".join(pieces))
    tapped(dialect, pieces)
