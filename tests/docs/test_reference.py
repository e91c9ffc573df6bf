"""The pages of reference are those of the code."""

import re
import subprocess
import sys
import tomllib
from pkgutil import resolve_name

import pytest

from dragoman.cli.imports.litellm_rules import SERVICES
from dragoman.engine.forward import GONE
from dragoman.gateway.cors import EXPOSED
from dragoman.protocols.webchat import aichatfree, site_auth
from dragoman.providers.openai_services import ROWS
from dragoman.routing.hedge import GIVEN_UP
from dragoman.transport.heads import TOO_LARGE
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


def test_each_service_with_another_name_than_in_litellm_has_its_row() -> None:
    rows = (REPOSITORY / "docs" / "how-to" / "from-litellm.md").read_text().splitlines()
    renamed = {there: here.type for there, here in SERVICES.items() if here.type and there != here.type}
    assert len(renamed) > 5
    for there, here in renamed.items():
        assert any(f"`{there}/…`" in row and f"`{here}/…`" in row for row in rows), (there, here)


def test_each_code_that_stands_under_a_name_in_the_code_has_its_words() -> None:
    page = (REPOSITORY / "docs" / "reference" / "errors.md").read_text()
    codes = [GONE, site_auth.EMPTY_500, site_auth.PASSWORD, site_auth.SIGNATURE, aichatfree.BAD_ROLE, TOO_LARGE]
    assert [code for code in codes if f"### `{code}`" not in page] == []
    assert f"`{GIVEN_UP}`" in page


@pytest.mark.parametrize("name", ["XDG_DATA_HOME", "XDG_STATE_HOME", "NOTIFY_SOCKET", "LISTEN_FDS"])
def test_each_variable_that_is_read_in_a_way_of_its_own_has_its_row(name: str) -> None:
    assert f"| `{name}` |" in (REPOSITORY / "docs" / "reference" / "variables.md").read_text()


def test_pages_of_listed_sites_may_read_each_header_that_an_answer_has_for_programs() -> None:
    page = (REPOSITORY / "docs" / "reference" / "headers.md").read_text()
    of_answers = page.partition("## Of callers, and of answers")[2].partition("## Passed up")[0]
    not_theirs = {"www-authenticate", "cache-control", "x-accel-buffering"}  # of HTTP and of proxies
    assert set(re.findall("^### `(.*)`$", of_answers, re.MULTILINE)) - not_theirs == set(EXPOSED.split(", "))


def test_the_services_that_complete_texts_are_named() -> None:
    page = (REPOSITORY / "docs" / "how-to" / "code-completion.md").read_text()
    named = page.partition("knows the path for\n")[2].partition(". For any")[0]
    assert set(re.split(r",\s+| and ", named)) == {row.title for row in ROWS if row.completions}


def test_each_name_on_the_page_of_python_is_there_and_said_in_words() -> None:
    names = re.findall(r"^::: (\S+)$", (REPOSITORY / "docs/reference/python.md").read_text(), re.MULTILINE)
    assert len(names) > 30
    assert [name for name in names if not resolve_name(name).__doc__] == []
