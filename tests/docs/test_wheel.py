"""What `make wheel` puts into a wheel; with `URL=…` the project's URLs, and absolute links in its description."""

import re
import shutil
import subprocess
import sys
import tomllib
from importlib.machinery import SourceFileLoader
from importlib.util import module_from_spec, spec_from_loader
from pathlib import Path
from types import ModuleType
from zipfile import ZipFile

import pytest

ROOT = Path(__file__).parent.parent.parent
SCRIPT = ROOT / "scripts" / "wheel"
URL = "https://code.example/owner/dragoman"


@pytest.fixture
def script() -> ModuleType:
    loader = SourceFileLoader("wheel_script", str(SCRIPT))
    spec = spec_from_loader(loader.name, loader)
    assert spec is not None
    module = module_from_spec(spec)
    sys.dont_write_bytecode, before = True, sys.dont_write_bytecode  # else it would lie beside the script
    try:
        loader.exec_module(module)
    finally:
        sys.dont_write_bytecode = before
    return module


def test_the_address_of_the_project_is_in_its_urls_and_in_each_link(script: ModuleType, tmp_path: Path) -> None:
    for name in ("pyproject.toml", "README.md"):
        shutil.copy2(ROOT / name, tmp_path / name)
    script.addressed(tmp_path, URL)
    project = tomllib.loads((tmp_path / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert {"Homepage", "Documentation", "Changelog", "Issues"} == set(project["urls"])
    assert project["urls"]["Documentation"] == f"{URL}/blob/main/docs/index.md"
    before = re.findall(r"\]\(([^)\s]+)\)", (ROOT / "README.md").read_text(encoding="utf-8"))
    after = re.findall(r"\]\(([^)\s]+)\)", (tmp_path / "README.md").read_text(encoding="utf-8"))
    assert len(before) == len(after) > 10
    for old, new in zip(before, after, strict=True):
        assert new == old if old.startswith(("https:", "#")) else new == f"{URL}/blob/main/{old}"
        assert old.startswith(("https:", "#")) or (ROOT / old.partition("#")[0]).exists()


@pytest.mark.parametrize("url", ["http://code.example/x", "code.example", "https://", 'https://a/"b'])
def test_another_address_is_refused(url: str) -> None:
    ran = subprocess.run([sys.executable, str(SCRIPT), url], capture_output=True, text=True, check=False)
    assert (ran.returncode, ran.stderr.count("\n")) == (2, 1)
    assert "expected an address such as" in ran.stderr


def test_a_wheel_has_the_package_and_nothing_else_and_everyone_may_read_it(script: ModuleType, tmp_path: Path) -> None:
    assert script.main("", tmp_path) == 0
    (wheel,) = tmp_path.iterdir()
    assert wheel.stat().st_mode & 0o777 == 0o644
    with ZipFile(wheel) as packed:
        names = set(packed.namelist())
    package = {name for name in names if name.startswith("dragoman/")}
    source = (
        path for path in (ROOT / "src" / "dragoman").rglob("*") if path.suffix == ".py" or path.name == "py.typed"
    )
    assert package == {path.relative_to(ROOT / "src").as_posix() for path in source}
    others = {name.partition("/")[2] for name in names - package}
    assert others == {"METADATA", "WHEEL", "RECORD", "entry_points.txt", "licenses/LICENSE"}
