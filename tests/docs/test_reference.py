"""The pages of reference are those of the code."""

import subprocess
import sys

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
