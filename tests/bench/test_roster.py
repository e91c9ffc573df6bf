"""Gateways of others take part if their programs are there, and are left out if they are not."""

import os
import sys
from pathlib import Path

import pytest
from bench.contenders import Ground
from bench.paced import hold
from bench.process import BenchError
from bench.roster import alone, contenders
from bench.speed import check

from tests.bench import standin

PEERS = {"Busbar": "busbar", "GoModel": "gomodel", "Bifrost": "bifrost-http"}


@pytest.mark.parametrize("name", PEERS)
def test_a_peer_in_the_path_is_measured(
    name: str, ground: Ground, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = tmp_path / "bin" / PEERS[name]
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\nexec {sys.executable} {standin.__file__} {PEERS[name]} "$@"\n')
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}:{os.environ['PATH']}")
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
