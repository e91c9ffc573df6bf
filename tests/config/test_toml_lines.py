"""The line of a key: against documents whose lines are known by the way they are made."""

import tomllib
from pathlib import Path

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dragoman.config import from_tables, load
from dragoman.config.keys import Keys
from dragoman.config.toml_lines import lines
from dragoman.errors import ConfigurationError
from tests.config.test_load import EXAMPLE, write

TEXT = '''# a comment = 1
a.b . "c.d" = 1 # x = [
'e f' = """
g = 1
\\"" "" h = 2 """""
[ t . 'u' ]
i = [ # ]
  1, "]", [
    2,
  ],
  { j = 1, k.l = [ "}",
     3] },
]
m = \'\'\'
n = 1\'\'\'\'\'
[t.u.v]
o = 1979-05-27 07:32:00
"\\u0070" = { }
[[q]]
r = 1
'''

PLACES: dict[Keys, int] = {
    ("a",): 2,
    ("a", "b"): 2,
    ("a", "b", "c.d"): 2,
    ("e f",): 3,
    ("t",): 6,
    ("t", "u"): 6,
    ("t", "u", "i"): 7,
    ("t", "u", "i", 0): 8,
    ("t", "u", "i", 1): 8,
    ("t", "u", "i", 2): 8,
    ("t", "u", "i", 2, 0): 9,
    ("t", "u", "i", 3): 11,
    ("t", "u", "i", 3, "j"): 11,
    ("t", "u", "i", 3, "k"): 11,
    ("t", "u", "i", 3, "k", "l"): 11,
    ("t", "u", "i", 3, "k", "l", 0): 11,
    ("t", "u", "i", 3, "k", "l", 1): 12,
    ("t", "u", "m"): 14,
    ("t", "u", "v"): 16,
    ("t", "u", "v", "o"): 17,
    ("t", "u", "v", "p"): 18,
    ("q",): 19,
    ("q", "r"): 20,
}


@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_every_key_is_found_where_it_stands(end: str) -> None:
    # The fifth line ends its string with two quotes more than the three that close it: TOML takes them for text.
    tomllib.loads(TEXT)
    assert lines(TEXT.replace("\n", end)) == PLACES


@given(st.text(alphabet="a.=[]{}\"',# \n\t1-é", max_size=60))
@settings(max_examples=150, deadline=None)
def test_a_text_that_is_no_toml_ends_the_search_and_nothing_else(text: str) -> None:
    assert all(line >= 1 for line in lines(text).values())


names = st.text(alphabet=st.characters(exclude_categories=["Cs", "Cc"]), max_size=5)
values = st.recursive(
    st.one_of(st.integers(-9, 9).map(str), names.map(lambda text: msgspec.json.encode(text).decode()), st.just("true")),
    lambda inner: st.lists(inner, max_size=3).map(lambda items: f"[{', '.join(items)}]"),
    max_leaves=5,
)


@given(st.dictionaries(names, st.tuples(values, st.integers(0, 2)), max_size=6))
@settings(max_examples=100, deadline=None)
def test_keys_between_comments_and_empty_lines_are_found(pairs: dict[str, tuple[str, int]]) -> None:
    text: list[str] = []
    expected: dict[Keys, int] = {}
    for name, (value, gap) in pairs.items():
        text += ["# x = 1"] * gap
        text.append(f"{msgspec.json.encode(name).decode()} = {value}  # y = 2")
        expected[(name,)] = len(text)
    whole = "\n".join(text)
    tomllib.loads(whole)
    found = lines(whole)
    assert {keys: line for keys, line in found.items() if len(keys) == 1} == expected


WORDS = [
    "gateway",
    "providers",
    "models",
    "fronts",
    "up",
    "port",
    "api_key",
    "env",
    "targets",
    "timeouts",
    "idle",
    "type",
    "model_aliases",
]
PIECES = [
    *WORDS,
    *"[]{}=.,\"'#\n ",
    "\r\n",
    '"""',
    "''",
    "1",
    "-1e9",
    "inf",
    "nan",
    "true",
    "1979-05-27",
    "\\u0041",
    "é",
    "\0",
]


@given(st.lists(st.sampled_from(PIECES), max_size=25).map("".join))
@settings(max_examples=150, deadline=None)
def test_junk_raises_nothing_but_the_error_of_configurations(
    tmp_path_factory: pytest.TempPathFactory, text: str
) -> None:
    _loaded_or_refused(tmp_path_factory.getbasetemp(), text.encode())


@given(st.integers(0, len(EXAMPLE)), st.integers(0, 40), st.binary(max_size=4))
@settings(max_examples=150, deadline=None)
def test_a_damaged_file_raises_nothing_but_the_error_of_configurations(
    tmp_path_factory: pytest.TempPathFactory, at: int, size: int, junk: bytes
) -> None:
    example = EXAMPLE.encode()
    _loaded_or_refused(tmp_path_factory.getbasetemp(), example[:at] + junk + example[at + size :])


json = st.recursive(
    st.one_of(st.booleans(), st.integers(), st.floats(), names, st.just("http://h")),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(WORDS), inner, max_size=4),
    max_leaves=8,
)


@given(
    st.dictionaries(st.sampled_from(WORDS[:4]), st.dictionaries(st.sampled_from(WORDS), json, max_size=3), max_size=3)
)
@settings(max_examples=150, deadline=None)
def test_tables_of_any_shape_raise_nothing_but_the_error_of_configurations(
    tmp_path_factory: pytest.TempPathFactory, data: dict[str, object]
) -> None:
    _loaded_or_refused(
        tmp_path_factory.getbasetemp(), "".join(f"{word} = {_spelt(value)}\n" for word, value in data.items()).encode()
    )


keys = st.sampled_from(WORDS) | st.integers() | st.none()
values_of_programs = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), names, st.binary(max_size=2), st.just("http://h")),
    lambda inner: st.lists(inner, max_size=3).map(tuple) | st.dictionaries(keys, inner, max_size=4),
    max_leaves=8,
)


@given(st.dictionaries(keys, st.dictionaries(keys, values_of_programs, max_size=3), max_size=3))
@settings(max_examples=150, deadline=None)
def test_tables_of_a_program_raise_nothing_but_the_error_of_configurations(tables: dict[str, object]) -> None:
    try:
        config = from_tables(tables, {})
    except ConfigurationError:
        return
    assert config.files == ()


def _spelt(value: object) -> str:
    match value:
        case dict():
            return "{" + ", ".join(f"{_spelt(name)} = {_spelt(inner)}" for name, inner in value.items()) + "}"
        case list():
            return f"[{', '.join(map(_spelt, value))}]"
        case bool() | str():
            return msgspec.json.encode(value).decode()
        case _:
            return str(value)


def _loaded_or_refused(folder: Path, data: bytes) -> None:
    path = write(folder, "")
    path.write_bytes(data)
    try:
        config = load(path, {})
    except ConfigurationError as exc:
        refused = str(exc)
    else:
        refused = str(config.path)
    assert refused.startswith(str(path))
