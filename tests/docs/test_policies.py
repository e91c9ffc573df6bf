"""The pages of policies: one anatomy, a table of errors that is the code's own, and settings with their defaults."""

import re
from collections.abc import Iterator

import pytest
from msgspec.structs import fields

from dragoman.config import Config, ModelConfig, ProviderConfig
from dragoman.config.schema import ROOT, TableSchema
from dragoman.routing.health import LIMITED_REST
from dragoman.routing.reactions import REACTIONS, Fault, Next
from tests.cli.shell import REPOSITORY

PAGES = sorted((REPOSITORY / "docs" / "policies").glob("*.md"))
ANATOMY = ["What it does", "Usage", "Settings", "What it emits", "Good path", "Bad path", "Do not"]

KEY = re.compile(r"`(gateway\.[a-z_]+|(?:models|providers|profiles)\.NAME\.[a-z_.]+)`")
ROW = re.compile(rf"^\| {KEY.pattern} \| (.*?) \|", re.MULTILINE)
NUMBER = re.compile(r"([0-9.]+)( KiB| MiB)?")
UNITS = {"": 1, " KiB": 1 << 10, " MiB": 1 << 20}
OF_CLASS = {"providers.NAME.max_answer": 64 << 20, "providers.NAME.empty_answer": "error"}
"""Defaults that a provider's class has."""

NEXT = {
    Next.NOBODY: "nobody",
    Next.LARGER: "a target that is known to hold more",
    Next.OTHER: "the next target",
    Next.SAME: "the same target, or the next one",
}
FAULT = {
    Fault.NONE: "nothing",
    Fault.FULL: f"it rests until the time that it named, or for {LIMITED_REST} s",
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


def keys() -> Iterator[str]:
    """All settings, and the tables and keys of targets."""
    for section, node in ROOT.items():
        table, prefix = (node, section) if isinstance(node, TableSchema) else (node.entry, f"{section}.NAME")
        yield from (f"{prefix}.{'.'.join(leaf)}" for leaf, _ in table.leaves())
        yield from (f"{prefix}.{name}" for name in table.keys)
    yield from (f"models.NAME.targets.{name}" for name in ("context", "weight", "price", "max_parallel", "timeouts"))


def default(key: str) -> object:
    """What holds if the setting is not set."""
    if key in OF_CLASS:
        return OF_CLASS[key]
    section, *names = key.replace(".NAME", "").replace("continue", "continues").split(".")
    values = {"gateway": Config().gateway, "models": ModelConfig(targets=()), "providers": ProviderConfig()}
    value: object = values[section]
    for name in names:
        assert name in {field.name for field in fields(value)}  # type: ignore[arg-type]  # a table of settings
        value = getattr(value, name)
    return value


def test_every_setting_on_a_page_is_one() -> None:
    known = set(keys())
    found = {(page.stem, key) for page in PAGES for key in KEY.findall(page.read_text(encoding="utf-8"))}
    assert {(page, key) for page, key in found if key not in known} == set()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_every_default_is_that_of_the_code(page: object) -> None:
    rows = ROW.findall((REPOSITORY / str(page)).read_text(encoding="utf-8"))
    for key, said in rows:
        words = said.partition(",")[0].strip('`"')
        if number := NUMBER.match(words):
            assert (key, float(number[1]) * UNITS[number[2] or ""]) == (key, default(key))
        elif " " not in words and words != "none":
            assert (key, {"true": True, "false": False}.get(words, words)) == (key, default(key))


def test_the_pause_between_heartbeats_is_a_setting() -> None:
    text = (REPOSITORY / "docs" / "policies" / "silence.md").read_text(encoding="utf-8")
    assert "gateway.heartbeat" in dict(ROW.findall(text))
