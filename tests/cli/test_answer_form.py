"""The form of an answer, from a file, JSON or the short form."""

from pathlib import Path
from typing import Any

import pytest

from dragoman.cli.answer_form import answer_form, short_schema
from dragoman.errors import InvalidRequestError
from tests.cli.shell import run

STRING, INTEGER = {"type": "string"}, {"type": "integer"}


@pytest.mark.parametrize(
    ("text", "properties"),
    [
        ("name", {"name": STRING}),
        ("name, age int", {"name": STRING, "age": INTEGER}),
        ("  name str ,age  int,", {"name": STRING, "age": INTEGER}),
        ("ok bool, share float", {"ok": {"type": "boolean"}, "share": {"type": "number"}}),
        ("note: one sentence", {"note": STRING | {"description": "one sentence"}}),
        ("day: as 2026/11/29", {"day": STRING | {"description": "as 2026/11/29"}}),
        ("file: as x.json", {"file": STRING | {"description": "as x.json"}}),
        (f"note: {'long ' * 60}end", {"note": STRING | {"description": f"{'long ' * 60}end"}}),
        ("age int: in years, name", {"age": INTEGER | {"description": "in years"}, "name": STRING}),
        ("age int: whole, in years\n\nname: first, last", {
            "age": INTEGER | {"description": "whole, in years"},
            "name": STRING | {"description": "first, last"},
        }),
    ],
)  # fmt: skip
def test_the_short_form_names_fields(text: str, properties: dict[str, Any]) -> None:
    assert short_schema(text) == {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }
    assert answer_form(text).strict is True


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "got nothing"),
        ("age string", "there is no type 'string' of a field; did you mean str?"),
        ("a int, a", "there are two fields 'a'"),
        ("age x", "known are str, int, float, bool"),
        ("what is this?", "expected a file, a JSON schema, or fields as"),
        ("none.json", "none.json cannot be read: No such file"),
        ("a/b", "a/b cannot be read"),
        ("{nonsense", "the schema: expected a JSON schema, which is an object"),
    ],
)
def test_what_is_no_form_is_refused(text: str, said: str) -> None:
    with pytest.raises(InvalidRequestError) as caught:
        answer_form(text)
    assert said in caught.value.message


def test_a_schema_is_taken_as_it_is(tmp_path: Path) -> None:
    schema = {"type": "array", "items": {"$ref": "#/$defs/x"}}
    path = tmp_path / "form.json"
    path.write_text('{"type": "array", "items": {"$ref": "#/$defs/x"}}')
    for text in (str(path), path.read_text()):
        form = answer_form(text)
        assert (form.kind, form.schema, form.strict) == ("json_schema", schema, None)
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes())
    assert answer_form(str(path)).schema == schema
    path.write_text("[1]")
    with pytest.raises(InvalidRequestError, match=r"form\.json: expected a JSON schema"):
        answer_form(str(path))


def test_a_schema_that_says_nothing_is_refused_and_not_left_out(tmp_path: Path) -> None:
    ran = run(tmp_path, "ask", "-m", "offline/echo", "--schema", "", "hi")
    assert (ran.code, ran.out) == (4, b"")
    assert ran.err.startswith("dragoman: --schema: expected a file")
