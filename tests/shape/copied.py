"""A copy of the package in a folder of the test's own, to which a test adds what a developer would."""

import shutil
import subprocess
import sys
from difflib import ndiff
from pathlib import Path

from tests.cli.shell import PATIENCE, REPOSITORY, Ran, environment, run, run_beside

PACKAGE = REPOSITORY / "src" / "dragoman"
ADDITIONS = Path(__file__).parent / "additions"
NEW = "new"
CONTRACTS = "from importlinter.cli import lint_imports_command; lint_imports_command(['--no-cache'])"


class Copied:
    """The copy, in `folder`; paths are relative to the package."""

    def __init__(self, folder: Path) -> None:
        self.home = folder
        self._package = folder / "src" / "dragoman"
        shutil.copytree(PACKAGE, self._package)  # and its bytecode, so that it need not be compiled again
        shutil.copy(REPOSITORY / "pyproject.toml", folder)
        self._path = {"PYTHONPATH": str(folder / "src")}

    def add(self, path: str, text: str) -> None:
        """A new file, and the folders for it."""
        file = self._package / path
        assert not file.exists()
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)

    def add_file(self, path: str, name: str) -> None:
        """A new file, from `additions`."""
        self.add(path, (ADDITIONS / name).read_text())

    def insert(self, path: str, line: str, *, before: str) -> None:
        """A line before the one that begins with `before`, after spaces."""
        file = self._package / path
        lines = file.read_text().splitlines(keepends=True)
        (place,) = [i for i, each in enumerate(lines) if each.lstrip().startswith(before)]
        lines.insert(place, f"{line}\n")
        file.write_text("".join(lines))

    def touched(self) -> dict[str, str]:
        """Each file that is not as in the package: NEW, or its added and removed lines as `+1 -0`."""
        found: dict[str, str] = {}
        for file in sorted(self._package.rglob("*.py")):
            path = file.relative_to(self._package)
            if not (PACKAGE / path).exists():
                found[str(path)] = NEW
            elif (old := (PACKAGE / path).read_text()) != (now := file.read_text()):
                marks = [line[0] for line in ndiff(old.splitlines(), now.splitlines())]
                found[str(path)] = f"+{marks.count('+')} -{marks.count('-')}"
        return found

    def run(self, *arguments: str) -> Ran:
        """What the copy's command does."""
        return run(self.home, *arguments, env=self._path)

    async def run_beside(self, *arguments: str) -> Ran:
        """The same, while the test's own server works."""
        return await run_beside(self.home, *arguments, env=self._path)

    def python(self, code: str) -> str:
        """What `code` prints where the copy is the package."""
        return self._python(code, check=True)

    def broken_contracts(self) -> list[str]:
        """The import contracts that the copy breaks."""
        lines = self._python(CONTRACTS, check=False).splitlines()
        assert any(line.startswith("Contracts: ") for line in lines), "the contracts were not checked"
        return [line.partition(" BROKEN")[0] for line in lines if " BROKEN" in line]

    def _python(self, code: str, *, check: bool) -> str:
        done = subprocess.run(
            [sys.executable, "-c", code],
            capture_output=True,
            text=True,
            cwd=self.home,
            env=environment(self.home, self._path),
            timeout=PATIENCE,
            check=check,
        )
        return done.stdout
