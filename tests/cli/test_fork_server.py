"""A forked command finds what a new interpreter finds, and ends as it does."""

import json
import os
import signal
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from tests.cli.fork_server import fork
from tests.cli.pty import CTRL_C, Terminal
from tests.cli.shell import environment, run, usual

REPORT = '''
import gc, json, os, random, resource, signal, sys, threading, warnings

def found() -> None:
    """Writes what the process is made of."""
    umask = os.umask(0)
    os.umask(umask)
    streams = (sys.stdin, sys.stdout, sys.stderr)
    found = (
        {
            "arguments": sys.argv,
            "module": [sys.modules["__main__"].__spec__.name, sys.modules["__main__"].__name__],
            "path": sys.path,
            "flags": str(sys.flags),
            "environment": dict(os.environ),
            "folder": os.getcwd(),
            "descriptors": sorted(os.listdir("/proc/self/fd")),
            "streams": [
                [each.encoding, each.errors, each.line_buffering, each.write_through, each.fileno(), each.isatty()]
                for each in streams
            ],
            "newlines": str(sys.stdin.newlines),
            "signals": {str(each): str(signal.getsignal(each)).partition("0x")[0] for each in signal.valid_signals()},
            "blocked": [str(each) for each in signal.pthread_sigmask(signal.SIG_BLOCK, ())],
            "limits": [resource.getrlimit(resource.RLIMIT_NOFILE), resource.getrlimit(resource.RLIMIT_CORE)],
            "umask": umask,
            "warnings": str(warnings.filters),
            "threads": [each.name for each in threading.enumerate()],
            "collector": [gc.isenabled(), gc.get_threshold()],
            "limit": sys.getrecursionlimit(),
            "session": [os.getsid(0), os.getpgid(0)],
        }
    )
    with open("found.json", "w") as file:
        json.dump(found | {"chance": random.random()}, file)
'''

ASK = ("--no-save", "-m", "offline/script", "--tool", "report", "-")

INTERPRETER = {"PYTHONSAFEPATH": ""}
"""Means nothing, as it is empty, and is not as usual: a new interpreter is started."""


def found(home: Path, env: dict[str, str]) -> dict[str, Any]:
    """What a command finds, as a tool of its tells."""
    (home / "report.py").write_text(REPORT)
    ran = run(home, "ask", *ASK, stdin=b"tool: found {}\n---\ntext: Done.", env={"MINE": "é", **env})
    assert (ran.code, ran.out) == (0, b"Done.\n"), ran
    report: dict[str, Any] = json.loads((home / "found.json").read_bytes())
    return report


@pytest.mark.skipif(
    any(name.startswith("COV") for name in os.environ),
    reason="while coverage is measured, each command gets a new interpreter",
)
def test_a_forked_command_finds_what_a_new_interpreter_finds(tmp_path: Path) -> None:
    assert [usual(environment(tmp_path, env)) for env in ({}, INTERPRETER)] == [True, False]
    forked, again, started = (found(tmp_path, env) for env in ({}, {}, INTERPRETER))
    assert started["environment"].pop("PYTHONSAFEPATH") == ""
    chances = {report.pop("chance") for report in (forked, again, started)}
    assert len(chances) == 3
    for name, value in started.items():
        assert forked[name] == value, name
    assert again == forked


def test_it_is_ended_as_any_process(tmp_path: Path) -> None:
    (tmp_path / "dragoman.toml").write_text("[gateway]\nport = 0\n")
    for number, code in ((signal.SIGKILL, -signal.SIGKILL), (signal.SIGTERM, 0)):
        into, printed = os.pipe()
        with open(into) as lines, open(os.devnull, "r+b") as null:
            handles = (null.fileno(), printed, null.fileno())
            with closing(fork(tmp_path, ["serve"], environment(tmp_path), handles)) as process:
                os.close(printed)
                assert lines.readline().startswith("dragoman listens")
                process.send_signal(number)
                assert process.wait() == code


def test_two_run_at_once(tmp_path: Path) -> None:
    (tmp_path / "dragoman.toml").write_text("[gateway]\nport = 0\n")
    with Terminal(tmp_path, "serve") as terminal:
        terminal.expect("dragoman listens on")
        assert run(tmp_path, "--version").code == 0
        terminal.press(CTRL_C)
        assert terminal.end() == 0
