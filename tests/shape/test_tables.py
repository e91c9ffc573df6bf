"""The tables of protocols in README.md and docs/losses.md, which are generated."""

import subprocess
import sys
from pathlib import Path

REPOSITORY = Path(__file__).parent.parent.parent


def test_the_tables_of_protocols_are_those_of_the_code() -> None:
    done = subprocess.run(
        [sys.executable, REPOSITORY / "scripts" / "protocol-tables", "--check"], capture_output=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, b"")
