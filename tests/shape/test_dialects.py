"""Every dialect is complete, and every codec is registered."""

import importlib
import inspect
import pkgutil
from pathlib import Path
from typing import Any

import pytest

import dragoman.protocols
from dragoman.protocols.base import ClientCodec, ServerCodec
from dragoman.protocols.prompt_tools.codec import PromptTools
from dragoman.protocols.registry import DIALECTS, Dialect
from dragoman.protocols.relay import RelayCodec
from tests.shape.completeness import FILES, HERE, Surroundings, flaws, halves, row

ABSTRACT: Any = ClientCodec
WRAPPERS = {PromptTools}
"""Codecs that are no protocol: each is given the codec of one."""
HALVES = (ClientCodec, ServerCodec, RelayCodec)
CHAT, CROMICLE = DIALECTS["openai-chat"], DIALECTS["cromicle"]


@pytest.mark.parametrize("name", DIALECTS)
def test_a_dialect_is_complete(name: str) -> None:
    assert flaws(name, DIALECTS[name]) == []


def test_every_codec_of_the_room_is_registered() -> None:
    package = dragoman.protocols
    modules = [
        importlib.import_module(info.name) for info in pkgutil.walk_packages(package.__path__, "dragoman.protocols.")
    ]
    values = [value for module in modules for value in vars(module).values() if inspect.isclass(value)]
    found = {value for value in values if issubclass(value, HALVES) and not inspect.isabstract(value)}
    known = {half for dialect in DIALECTS.values() for half in halves(dialect)}
    assert {codec for codec in found if known.isdisjoint(codec.__mro__)} == WRAPPERS
    assert known <= found


def test_a_dialect_is_named_by_its_name_alone(tmp_path: Path) -> None:
    assert "CromicleClient has the name 'cromicle'" in flaws("other", CROMICLE, Surroundings(golden=tmp_path))


@pytest.mark.parametrize(
    ("dialect", "flaw"),
    [
        (Dialect(CHAT.client, CHAT.server), "expected either a relay or the reason for none"),
        (Dialect(CHAT.client, CHAT.server, CHAT.relay, "why"), "expected either a relay or the reason for none"),
        (
            Dialect(CROMICLE.client, CHAT.server, CHAT.relay),
            "the provider openaicompatible speaks with OpenAIChatClient",
        ),
        (Dialect(CHAT.client, CHAT.server, no_relay="why"), "the provider openaicompatible relays with ChatRelay"),
        (Dialect(CHAT.client, CHAT.server, no_relay="why"), "README.md has no such row"),
        (Dialect(ABSTRACT, CHAT.server, CHAT.relay), "ClientCodec is abstract"),
    ],
)
def test_what_a_dialect_lacks_is_named(dialect: Dialect, flaw: str) -> None:
    assert flaw in flaws("openai-chat", dialect)


def test_golden_cases_are_missed_as_a_whole_and_file_by_file(tmp_path: Path) -> None:
    around = Surroundings(golden=tmp_path)
    assert flaws("cromicle", CROMICLE, around) == ["there is no golden case"]
    case = tmp_path / "cromicle" / "text"
    case.mkdir(parents=True)
    for name in FILES - {"reply.bin"}:
        (case / name).touch()
    assert flaws("cromicle", CROMICLE, around) == ["the golden case text has no reply.bin"]


def test_the_readme_has_a_row_for_each_dialect_in_their_order_and_no_other() -> None:
    lines = HERE.readme.read_text().splitlines()
    assert [line for line in lines if line.startswith("| `")] == [row(*dialect) for dialect in DIALECTS.items()]
