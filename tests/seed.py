"""What is drawn by lot is drawn anew for each commit: two runs on one commit, on any machine, try the same."""

import subprocess
from functools import cache
from pathlib import Path


@cache
def commit_seed() -> int:
    """A number that changes with each commit; 0 where there is no repository."""
    run = subprocess.run(
        ["git", "rev-parse", "HEAD"], cwd=Path(__file__).parent, capture_output=True, text=True, check=False
    )
    return int(run.stdout[:8], 16) if run.returncode == 0 else 0
