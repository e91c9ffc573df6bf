"""The tables of limits and timeouts have each of them, with the default of the code."""

import re

import pytest
from msgspec.structs import asdict

from dragoman.config import Config
from dragoman.config.limits import LimitsConfig
from dragoman.transport.base import MAX_BODY, Timeouts
from tests.cli.shell import REPOSITORY

PAGES = {"limits": LimitsConfig.__struct_fields__, "timeouts": Timeouts.__struct_fields__}
"""A page to what is on it at least."""

ROW = re.compile(r"^\| (?:[^|`]+ \| )?(`[^|]+) \| ([^|;]+)", re.MULTILINE)
UNITS = {"": 1, "KiB": 1 << 10, "MiB": 1 << 20}

DEFAULTS = asdict(Config().gateway) | asdict(Timeouts()) | {"max_answer": MAX_BODY}


def _number(words: str) -> float | None:
    number, _, unit = words.strip().partition(" ")
    return None if number == "none" else float(number) * UNITS[unit]


@pytest.mark.parametrize("page", PAGES)
def test_the_defaults_are_those_of_the_code(page: str) -> None:
    said: dict[str, float | None] = {}
    for names, default in ROW.findall((REPOSITORY / f"docs/policies/{page}.md").read_text(encoding="utf-8")):
        found = re.findall(r"`(\w+)`", names)
        one = default.strip().removesuffix(" each")
        values = [one] * len(found) if one != default.strip() else one.split(", ")
        said |= dict(zip(found, map(_number, values), strict=True))
    assert said == {name: DEFAULTS[name] for name in said}
    assert set(PAGES[page]) <= said.keys()
