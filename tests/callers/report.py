"""The page of callers: what each suite's JUnit XML says, as a table."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from xml.etree import ElementTree

from msgspec import Struct

HEAD = """# Callers

Programs that people already use call the gateway as if it were a real service; behind it are the offline models, which
call tools and fill schemas ([offline.md](offline.md)). `make callers` installs them with pinned versions
(`requirements/callers.txt`) into an environment of its own, `.venv-callers`, runs their suites
(`tests/callers/suites`), and writes this page. LangChain's suite is its own for chat models, `langchain-tests`, over
Chat Completions, the same at Azure's paths, Responses and Messages, without the tests that fetch files from the
internet; the others are ours.

"""


class Results(Struct, frozen=True):
    """What became of a suite's tests; each is named by its class and its name."""

    passed: int
    failed: dict[str, str]
    """With the first line of what went wrong."""
    skipped: dict[str, str]
    """With the reason."""


class Suite(Struct, frozen=True):
    """A caller, the versions of its packages, and its results for each model."""

    title: str
    versions: dict[str, str]
    came: dict[str, Results]


def read_results(path: Path) -> Results:
    """The results in a JUnit XML file. If there is none, the suite did not run, and that is its one failure."""
    if not path.exists():
        return Results(0, {"the suite": "did not run"}, {})
    passed = 0
    failed: dict[str, str] = {}
    skipped: dict[str, str] = {}
    for case in ElementTree.parse(path).iter("testcase"):  # noqa: S314  # our own process wrote it
        name = f"{case.get('classname', '').rpartition('.')[2]}.{case.get('name')}"
        wrong = case.find("failure") if case.find("failure") is not None else case.find("error")
        left = case.find("skipped")
        if wrong is not None:
            failed[name] = _line(wrong.get("message"))
        elif left is not None:
            skipped[name] = _line(left.get("message"))
        else:
            passed += 1
    return Results(passed, failed, skipped)


def page(suites: Sequence[Suite]) -> str:
    """The page, in Markdown."""
    models = list(suites[0].came)
    lines = [f"| caller | {' | '.join(f'`{model}`' for model in models)} |", f"|---|{'---|' * len(models)}"]
    for suite in suites:
        versions = ", ".join(f"{package} {version}" for package, version in suite.versions.items())
        cells = [_cell(suite.came[model]) for model in models]
        lines.append(f"| {suite.title} ({versions}) | {' | '.join(cells)} |")
    for word, kind in (("What failed", "failed"), ("What was left out, and why", "skipped")):
        found: dict[str, list[str]] = {}
        for suite in suites:
            for results in suite.came.values():
                for name, why in _named(results, kind).items():
                    names = found.setdefault(f"{suite.title}: {why}", [])
                    names += [] if f"`{name}`" in names else [f"`{name}`"]
        if found:
            lines += ["", f"## {word}", "", *(f"- {why} ({', '.join(names)})" for why, names in found.items())]
    return HEAD + "\n".join(lines) + "\n"


def _named(results: Results, kind: str) -> Mapping[str, str]:
    return results.failed if kind == "failed" else results.skipped


def _cell(results: Results) -> str:
    ran = results.passed + len(results.failed)
    return f"{results.passed} of {ran}" if results.failed else f"all {ran}"


def _line(text: str | None) -> str:
    return (text or "").strip().partition("\n")[0][:200].replace("|", "\\|").replace("<", "&lt;")
