"""Copying by a tool of the platform's; by the terminal it is tried in a conversation."""

from pathlib import Path

import pytest

from dragoman.cli.conversation.clipboard import TOOLS, copy


def tool(folder: Path, name: str, code: int = 0) -> None:
    """A program that keeps what it is given."""
    script = folder / name
    script.write_text(f'#!/bin/sh\n/bin/cat > "{folder}/copied"\nexit {code}\n')
    script.chmod(0o755)


@pytest.mark.parametrize("name", [tool.words[0] for tool in TOOLS])
def test_each_tool_gets_the_text(tmp_path: Path, name: str) -> None:
    tool(tmp_path, name)
    needed = {need: "x" for each in TOOLS if each.words[0] == name for need in each.needs}
    assert copy("Привет\n", {"PATH": str(tmp_path)} | needed) == name
    assert (tmp_path / "copied").read_text() == "Привет\n"


def test_a_tool_without_its_screen_is_not_asked(tmp_path: Path) -> None:
    tool(tmp_path, "xclip")
    assert copy("x", {"PATH": str(tmp_path)}) == ""


def test_the_next_tool_is_asked_when_one_fails(tmp_path: Path) -> None:
    tool(tmp_path, "xclip", code=1)
    tool(tmp_path, "xsel")
    assert copy("x", {"PATH": str(tmp_path), "DISPLAY": ":0"}) == "xsel"
