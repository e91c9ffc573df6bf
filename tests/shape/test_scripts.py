"""The scripts that are Python are checked as all other code is: tools find no Python in a file without a suffix."""

import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TOOLS = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]
SCRIPTS = {
    f"scripts/{path.name}"
    for path in (ROOT / "scripts").iterdir()
    if path.is_file() and b"python" in path.read_bytes().partition(b"\n")[0]
}


@pytest.mark.parametrize("checked", [TOOLS["ruff"]["extend-include"], TOOLS["mypy"]["files"]], ids=["ruff", "mypy"])
def test_every_script_is_checked(checked: list[str]) -> None:
    assert {name for name in checked if name.startswith("scripts/")} == SCRIPTS
