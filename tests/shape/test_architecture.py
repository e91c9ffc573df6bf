"""ARCHITECTURE.md is true: what it names is there, and it names every room."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "src" / "dragoman"
PAGE = (ROOT / "ARCHITECTURE.md").read_text()
NAMED = re.compile(r"`((?:[\w*]+/)+[\w*]*(?:\.\w+)?)(?:`|[\s,])")


def test_every_path_that_the_page_names_is_there() -> None:
    paths = set(NAMED.findall(PAGE))
    assert len(paths) > 40
    missing = {path for path in paths if not any(any(base.glob(path.rstrip("/"))) for base in (ROOT, PACKAGE))}
    assert {path for path in missing if "NAME" not in path} == {"provider/model"}


def test_the_page_names_every_room() -> None:
    rooms = re.search(r"```text\n(.*?)```", PAGE, re.DOTALL)
    assert rooms is not None
    named = set(re.findall(r"[\w.]+", rooms[1]))
    there = {path.name for path in PACKAGE.iterdir() if (path / "__init__.py").exists()}
    there |= {path.name for path in PACKAGE.glob("gateway/*") if (path / "__init__.py").exists()}
    assert there <= named
