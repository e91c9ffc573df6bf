"""The report of tokens that came last, read when somebody asks."""

import pytest

from dragoman.errors import BadEventError
from dragoman.protocols.gemini.latest_report import LatestReport
from dragoman.types import Usage


def line(count: int | str, text: str = "a") -> str:
    said = f'"candidates":[{{"content":{{"parts":[{{"text":"{text}"}}]}},"index":0}}]'
    return f'data: {{{said},"usageMetadata":{{"candidatesTokenCount":{count}}}}}'


def told(count: int) -> Usage:
    return Usage(output_tokens=count)


@pytest.mark.parametrize("end", ["\n\n", "\r\n\r\n", "\r\r"])
def test_of_a_row_the_last_event_is_read(end: str) -> None:
    report = LatestReport()
    report.keep_of("".join(line(count) + end for count in (1, 2, 3)).encode())
    assert report.take() == told(3)
    assert report.take() is None


def test_what_came_last_holds() -> None:
    report = LatestReport()
    report.keep(b'{"candidatesTokenCount":1}')
    report.keep_of(f"{line(2)}\n\n".encode())
    assert report.take() == told(2)
    report.keep_of(f"{line(2)}\n\n".encode())
    report.keep(b'{"candidatesTokenCount":3}')
    assert report.take() == told(3)


def test_a_row_without_reports_leaves_the_one_before() -> None:
    report = LatestReport()
    report.keep(b'{"candidatesTokenCount":1}')
    report.keep_of(b'data: {"candidates":[{"content":{"parts":[{"text":"usageMetadata"}]}}]}\n\n')
    assert report.take() == told(1)


def test_a_count_that_is_not_json_is_refused() -> None:
    report = LatestReport()
    report.keep_of(f"{line('007')}\n\n".encode())
    with pytest.raises(BadEventError, match="a count of tokens"):
        report.take()
