"""The pages of reference are those of the code."""

import re
import subprocess
import sys
import tomllib

import pytest

from dragoman.providers.openai_services import ROWS
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


def test_the_services_that_complete_texts_are_named() -> None:
    page = (REPOSITORY / "docs" / "how-to" / "code-completion.md").read_text()
    named = page.partition("knows the path for\n")[2].partition(". For any")[0]
    assert set(re.split(r",\s+| and ", named)) == {row.title for row in ROWS if row.completions}
