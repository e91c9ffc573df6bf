"""Gateways of others take part if their programs are there, and are left out if they are not."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from bench.contenders import Ground
from bench.paced import hold
from bench.process import BenchError, cpu_seconds, memory_kib, tree
from bench.roster import alone, contenders
from bench.speed import check

from tests.bench import standin

PEERS = {"Busbar": "busbar", "GoModel": "gomodel", "Bifrost": "bifrost-http"}


def installed(program: str, command: str, place: Path) -> str:
    """A PATH with a program of this name."""
    file = place / "bin" / program
    file.parent.mkdir()
    file.write_text(f"#!/bin/sh\n{command}\n")
    file.chmod(0o755)
    return f"{file.parent}:{os.environ['PATH']}"


@pytest.mark.parametrize("name", PEERS)
def test_a_peer_in_the_path_is_measured(
    name: str, ground: Ground, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    command = f'exec {sys.executable} {standin.__file__} {PEERS[name]} "$@"'
    monkeypatch.setenv("PATH", installed(PEERS[name], command, tmp_path))
    start = alone(ground, [name])[name]
    [peer] = start(ground)
    assert check(peer, "json")
    assert check(peer, "stream")
    held = hold(ground, peer, 4)
    assert (held.contender, held.fault) == (name, "")
    assert held.sample.frames == (ground.events - 1,) * 2


def test_a_peer_that_is_not_there_is_left_out_with_a_word(
    ground: Ground, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(BenchError, match="no contender is called so"):
        contenders(ground, ["Busbar"])
    assert capsys.readouterr().out.startswith("Busbar is left out: it is not installed")


def test_a_peer_that_does_not_start_is_left_out_with_its_own_words(
    ground: Ground, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PATH", installed("busbar", "echo unknown setting; exit 1", tmp_path))
    assert [each.name for each in contenders(ground, ["Busbar", "access log"])] == ["nginx, access log"]
    said = capsys.readouterr().out
    assert said.startswith("Busbar is left out: busbar does not listen")
    assert "unknown setting" in said


def test_a_contender_that_has_ended_uses_nothing() -> None:
    ended = subprocess.Popen(["true"])
    ended.wait()
    assert (tree(ended.pid), cpu_seconds(ended.pid), memory_kib(ended.pid)) == ([ended.pid], 0, 0)
