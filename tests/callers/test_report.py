"""The page of callers says what the suites' results say."""

import re
from pathlib import Path

from tests.callers.__main__ import CALLERS, PAGE, SUITES
from tests.callers.report import HEAD, Results, Suite, page, read_results
from tests.cli.shell import REPOSITORY

XML = """<testsuites><testsuite>
<testcase classname="suites.calls_x.TestA" name="test_good"/>
<testcase classname="suites.calls_x" name="test_bad"><failure message="AssertionError: a &lt; b&#10;more"/></testcase>
<testcase classname="suites.calls_x" name="test_broken"><error message="no fixture"/></testcase>
<testcase classname="suites.calls_x" name="test_left"><skipped message="not here"/></testcase>
</testsuite></testsuites>"""


def test_results_are_read_by_what_became_of_each_test(tmp_path: Path) -> None:
    path = tmp_path / "results.xml"
    path.write_text(XML)
    failed = {"calls_x.test_bad": "AssertionError: a &lt; b", "calls_x.test_broken": "no fixture"}
    assert read_results(path) == Results(1, failed, {"calls_x.test_left": "not here"})


def test_a_suite_that_did_not_run_has_failed(tmp_path: Path) -> None:
    assert read_results(tmp_path / "none.xml").failed == {"the suite": "did not run"}


def test_the_page_has_a_row_a_suite_and_names_what_did_not_pass() -> None:
    good = Results(3, {}, {"TestA.test_left": "not here"})
    bad = Results(2, {"TestA.test_bad": "it is wrong"}, {"TestA.test_left": "not here", "TestA.test_more": "not here"})
    text = page([Suite("X", {"x": "1.0", "y": "2.0"}, {"offline/a": good, "offline/b": bad})])
    assert "| caller | `offline/a` | `offline/b` |\n|---|---|---|\n| X (x 1.0, y 2.0) | all 3 | 2 of 3 |\n" in text
    assert "- X: it is wrong (`TestA.test_bad`)" in text
    assert "- X: not here (`TestA.test_left`, `TestA.test_more`)" in text


def test_what_passed_everywhere_needs_no_chapter() -> None:
    assert "##" not in page([Suite("X", {"x": "1.0"}, {"offline/a": Results(3, {}, {})})])


def test_each_suite_is_run_and_the_page_is_of_the_versions_that_are_pinned() -> None:
    assert {path.stem for path in SUITES.glob("calls_*.py")} == CALLERS.keys()
    text = PAGE.read_text()
    pinned = (REPOSITORY / "requirements" / "callers.txt").read_text()
    assert text.startswith(HEAD)
    for title, packages in CALLERS.values():
        assert f"| {title} (" in text
        for package in packages:
            found = re.search(rf"^{package}==(\S+)", pinned, re.MULTILINE)
            assert found is not None, package
            assert f"{package} {found[1]}" in text
