"""`python -m tests.callers`: each caller's suite against the gateway, for each model; writes docs/callers.md.

Runs in the environment that has the callers' packages, and the gateway with it.
"""

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterable
from importlib.metadata import version
from pathlib import Path

from tests.callers.report import Suite, page, read_results
from tests.support.gateway_process import GatewayProcess

SUITES = Path(__file__).parent / "suites"
PAGE = Path(__file__).resolve().parents[2] / "docs" / "callers.md"
MODELS = ("offline/eliza", "offline/script")
LIMIT = 300
"""Seconds for one suite: the longest takes 30 on two busy cores."""

CALLERS: dict[str, tuple[str, tuple[str, ...]]] = {
    "calls_langchain": ("LangChain", ("langchain-tests", "langchain-openai", "langchain-anthropic")),
    "calls_instructor": ("instructor", ("instructor",)),
    "calls_pydantic_ai": ("pydantic-ai", ("pydantic-ai-slim",)),
    "calls_llama_index": ("LlamaIndex", ("llama-index-core", "llama-index-llms-openai-like")),
    "calls_llm": ("llm", ("llm",)),
}
"""The file of each suite, its name, and the packages that it is about."""


def run(name: str, url: str, model: str, results: Path) -> None:
    """Runs one suite and writes its results as JUnit XML."""
    words = ["-m", "pytest", "-q", "-p", "no:cacheprovider", "-c", str(SUITES / "pytest.ini"), "--rootdir", str(SUITES)]
    words += ["--confcutdir", str(SUITES), "--tb=short", f"--junitxml={results}", str(SUITES / f"{name}.py")]
    environ = {**os.environ, "DRAGOMAN_URL": url, "DRAGOMAN_MODEL": model}
    subprocess.run([sys.executable, *words], env=environ, timeout=LIMIT, check=False)


def suites(url: str, place: Path) -> Iterable[Suite]:
    """The results of all suites."""
    for name, (title, packages) in CALLERS.items():
        came = {}
        for model in MODELS:
            path = place / f"{name}-{model.replace('/', '-')}.xml"
            run(name, url, model, path)
            came[model] = read_results(path)
        yield Suite(title, {package: version(package) for package in packages}, came)


def main() -> int:
    """Writes the page; returns the exit code."""
    with tempfile.TemporaryDirectory() as place, GatewayProcess(Path(place), "[gateway]\nport = 0\n") as gateway:
        came = list(suites(gateway.url, Path(place)))
    PAGE.write_text(page(came), encoding="utf-8")
    print(PAGE.read_text(encoding="utf-8"))
    return int(any(results.failed for suite in came for results in suite.came.values()))


if __name__ == "__main__":
    sys.exit(main())
