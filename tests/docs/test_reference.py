"""The pages of reference are those of the code."""

import subprocess
import sys
import tomllib

import pytest

from tests.cli.shell import PATIENCE, REPOSITORY


@pytest.mark.parametrize("script", ["cli-help", "protocol-tables", "reference-pages"])
def test_a_generated_page_is_up_to_date(script: str) -> None:
    done = subprocess.run(
        [sys.executable, REPOSITORY / "scripts" / script, "--check"],
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_each_extra_is_in_the_readme_and_has_its_row() -> None:
    extras = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    installed = (REPOSITORY / "README.md").read_text().partition("## What it installs")[2]
    rows = (REPOSITORY / "docs" / "quickstart.md").read_text()
    assert [name for name in extras if f"`{name}`" not in installed or f"| `{name}` |" not in rows] == []
