"""Each part of the benchmark at its smallest: it measures, writes, draws and fills its page."""

import re
from pathlib import Path
from typing import Any

import pytest
from bench.chart import CHARTS, bars
from bench.gateway import PUBLISHED, main, options
from bench.held import steps
from bench.record import Record, read, tables
from bench.text import markdown
from msgspec.json import decode

from bench import page

SMALL = ["--seconds", "0.04", "--rounds", "1", "--streams", "5", "--events", "6", "--only", "nginx", "--name", "small"]


def measured(part: str, place: Path, *more: str) -> tuple[dict[str, Any], Record]:
    assert main([part, *SMALL, *more], place) is None
    return decode((place / "small.json").read_bytes()), read(place / "small.json")


def region(part: str, folder: Path, record: Record) -> str:
    (folder / "page.md").write_text(f"a\n<!-- results: {part} -->\nold\n<!-- end of results -->\nb\n")
    assert page.fill(folder / "page.md", {"small": record}) == [part]
    text = (folder / "page.md").read_text()
    assert text.startswith("a\n")
    assert text.endswith("-->\nb\n")
    assert "old" not in text
    return text


def test_a_name_in_a_folder_that_is_not_there_is_refused_before_anything_is_measured(tmp_path: Path) -> None:
    assert main(["speed", *SMALL, "--name", "nowhere/small"], tmp_path) == (
        f"bench: --name: there is no folder {tmp_path / 'nowhere'}"
    )


def test_speed(tmp_path: Path) -> None:
    raw, record = measured("speed", tmp_path)
    assert {turn["case"] for turn in raw["speed"]["turns"]} == {"full", "one", "half"}
    assert all(len(turn["steal"]) == 2 for turn in raw["speed"]["turns"])
    assert "| nginx |" in region("speed", tmp_path, record)


def test_paced(tmp_path: Path) -> None:
    raw, record = measured("paced", tmp_path, "--only", "dragoman", "--only", "upstream")
    assert [(hold["contender"], hold["streams"]) for hold in raw["paced"]] == [
        (name, 5) for name in ("upstream itself", "nginx", "dragoman")
    ]
    assert all(hold["sample"]["frames"] == [5, 5] and len(hold["steal"]) == 2 for hold in raw["paced"])
    assert all((hold["kib"] is None) == (hold["contender"] == "upstream itself") for hold in raw["paced"])
    assert "| dragoman | 5 |" in region("paced", tmp_path, record)


def test_dialects(tmp_path: Path) -> None:
    raw, record = measured("dialects", tmp_path, "--only", "ollama")
    names = ["relay ollama", "ollama -> openai-chat"]
    assert [turn["contender"] for turn in raw["dialects"]["bursts"]] == names
    assert [hold["contender"] for hold in raw["dialects"]["paced"]] == names
    assert "| ollama -> openai-chat |" in region("dialects", tmp_path, record)


def test_tails(tmp_path: Path) -> None:
    raw, record = measured("tails", tmp_path)
    assert [search["contender"] for search in raw["tails"]] == ["upstream itself", "nginx", "nginx, access log"]
    search = raw["tails"][1]
    assert set(search["rates"]) == {"1", "5", "10", "50"}
    assert list(search["rates"].values()) == sorted(search["rates"].values())
    assert {turn["case"] for turn in search["turns"]} == {"full", "eight", "rate"}
    assert "p99 of 50 ms" in region("tails", tmp_path, record)


def test_workers(tmp_path: Path) -> None:
    raw, record = measured("workers", tmp_path, "--only", "dragoman")
    assert {(share["turn"]["contender"], share["workers"], len(share["spread"])) for share in raw["workers"]} >= {
        ("dragoman", 1, 1),
        ("dragoman", 2, 2),
        ("nginx", 2, 2),
    }
    assert "| dragoman | stream |" in region("workers", tmp_path, record)


def test_held_doubles_up_to_what_the_machine_allows() -> None:
    assert steps(2000, 20_000) == [2000, 4000, 8000, 9750]
    assert steps(2000, 1500) == [500]


def test_each_published_part_has_its_region_and_its_chart() -> None:
    regions = [match[2] for match in page.REGION.finditer(page.PAGE.read_text(encoding="utf-8"))]
    assert sorted(regions) == sorted(PUBLISHED) == sorted(CHARTS)


def test_charts_take_the_numbers_of_a_column_and_leave_out_what_was_not_measured() -> None:
    rows = [["name", "open", "cost"], ["a", "5", "1,234.5"], ["  a remark"], ["b", "5", "-"]]
    assert bars(rows, "cost", 2) == {"a, 5": 1234.5}
    assert markdown(rows).splitlines()[2:] == ["| a | 5 | 1,234.5 |", "| b | 5 | - |"]


def test_results_kept_in_the_repository_can_be_read() -> None:
    kept = sorted(page.RESULTS.glob("*-speed.json"))
    assert kept
    for path in kept:
        assert re.search(r"\d", str(tables(read(path))["speed"]))


@pytest.mark.parametrize("words", [["nothing"], ["--streams", "0"], ["--events", "2"], ["--rounds", "0"]])
def test_what_cannot_be_measured_is_refused(words: list[str]) -> None:
    with pytest.raises(SystemExit):
        options(words)
