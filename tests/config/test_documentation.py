"""The page of settings is that of the table of settings, and what it shows works."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from dragoman.config import load
from dragoman.config.schema import ROOT, TableSchema

REPOSITORY = Path(__file__).resolve().parents[2]
PAGE = REPOSITORY / "docs" / "configuration.md"
EXAMPLE = re.compile(r"```toml\n(.*?)```", re.DOTALL)
HEADING = re.compile(r"^#### `(.*)`$", re.MULTILINE)


def test_the_keys_in_the_documentation_are_the_table_s() -> None:
    done = subprocess.run(
        [sys.executable, REPOSITORY / "scripts" / "config-keys", "--check"],
        capture_output=True,
        timeout=30,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, b"")


def test_every_key_has_its_heading_and_every_heading_its_key() -> None:
    keys = {
        f"{section}.{'' if isinstance(node, TableSchema) else 'NAME.'}{'.'.join(leaf)}"
        for section, node in ROOT.items()
        for leaf, _ in (node if isinstance(node, TableSchema) else node.entry).leaves()
    }
    assert set(HEADING.findall(PAGE.read_text(encoding="utf-8"))) == keys


@pytest.mark.parametrize("place", [PAGE, REPOSITORY / "README.md"], ids=lambda place: place.name)
def test_the_first_example_of_a_page_is_a_good_configuration(tmp_path: Path, place: Path) -> None:
    example = EXAMPLE.search(place.read_text(encoding="utf-8"))
    assert example
    path = tmp_path / "dragoman.toml"
    path.write_text(example[1], encoding="utf-8")
    (tmp_path / "aibn-password").write_text("hunter2\n")
    config = load(path, {"UP_API_KEY": "sk-1", "AIBN_PASSWORD": "s3cret"})
    assert config.providers["home"].password == "hunter2"
    assert config.models["fast"].targets == ("up/gpt-4o-mini", "home/gpt-3.5-turbo")
