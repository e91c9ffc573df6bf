"""How tests run: coroutines in a loop of their own, and nothing left behind."""

import asyncio
import gc
import inspect
import os
import signal
from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings
from hypothesis.internal.conjecture import providers

from tests.seed import commit_seed
from tests.support.ports import free_port

# Hypothesis draws numbers and texts that stand in the modules that are loaded: with them, the examples of a test would
# depend on which tests ran before it in the same process.
providers._get_local_constants = lambda: providers._local_constants

# How long an example takes says how busy the machine is.
settings.register_profile("dragoman", deadline=None)
settings.load_profile("dragoman")


EXTRA = {
    "matrix/test_node.py": "--node",
    "deploy/test_programs.py": "--deploy",
    "deploy/test_proxies.py": "--deploy",
}
"""Files of tests that run only if the option is given: what they need is installed by a target of its own."""


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--golden", action="store_true", help="rewrite golden files instead of comparing")
    parser.addoption("--mutations", action="store_true", help="try every mutant of an answer instead of a sample")
    parser.addoption("--faults", action="store_true", help="all cells of the fault matrix, not a sample")
    parser.addoption("--faults-seed", type=int, metavar="N", help="the seed of that sample; by default the commit's")
    parser.addoption("--schedules-seed", type=int, metavar="N", help="of the orders of tasks, that of this seed alone")
    parser.addoption("--node", action="store_true", help="run the clients for Node, which `make matrix-node` installs")
    parser.addoption("--deploy", action="store_true", help="run the programs that `make deploy-check` installs")


USUAL: dict[signal.Signals, Any] = {
    signal.SIGINT: signal.default_int_handler,
    signal.SIGQUIT: signal.SIG_DFL,
    signal.SIGHUP: signal.SIG_DFL,
}
"""What a program does with them if nobody has said otherwise."""


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    """Hypothesis draws by the commit's seed, if none is given; signals are what they usually are.

    Tests send signals to which a shell without job control, and `nohup`, make what they start deaf.
    """
    if config.option.hypothesis_seed is None:
        config.option.hypothesis_seed = commit_seed()
    for number, usual in USUAL.items():
        if signal.getsignal(number) is signal.SIG_IGN:
            signal.signal(number, usual)


def pytest_xdist_auto_num_workers() -> int:
    """One process more than there are cores, because many tests wait for other processes."""
    return (os.cpu_count() or 1) + 1


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Leaves out what runs programs that `make test` does not install."""
    option = EXTRA.get(f"{collection_path.parent.name}/{collection_path.name}")
    return True if option is not None and not config.getoption(option) else None


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """What is collected stays to the end: the collector of garbage need not look at it, nor often at the rest."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.collect()
        gc.freeze()
        gc.set_threshold(20_000)
        gc.enable()


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Prints the matrix of callers and services, and of faults, if they were run; and what properties were drawn by."""
    reports = [report for found in terminalreporter.stats.values() for report in found]
    given = [pair for report in reports for pair in getattr(report, "user_properties", ()) if report.when == "call"]
    for name, clients in (("matrix", "Python"), ("matrix (node)", "Node")):
        if results := [str(value) for key, value in given if key == name]:
            from tests.matrix.report import table  # it imports the vendors' clients

            terminalreporter.section(f"the vendors' clients for {clients}, through the gateway, to each service")
            for line in table(results):
                terminalreporter.write_line(line)
    for kind in ("services", "callers"):
        if played := [str(value) for key, value in given if key == f"faults of {kind}"]:
            from tests.faults.report import summary

            terminalreporter.write_line(summary(kind, played))


@pytest.fixture
def rewrite_golden(request: pytest.FixtureRequest) -> bool:
    """Whether golden files are to be rewritten."""
    return bool(request.config.getoption("--golden"))


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> bool | None:
    """Runs `async def` tests; a task that outlives its test fails it."""
    if not inspect.iscoroutinefunction(pyfuncitem.obj):
        return None
    arguments = {name: pyfuncitem.funcargs[name] for name in pyfuncitem._fixtureinfo.argnames}
    asyncio.run(_alone(pyfuncitem.obj(**arguments)))
    return True


async def _alone(test: Any) -> None:
    await test
    for _ in range(10):
        await asyncio.sleep(0)
    left = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
    assert not left, f"tasks left behind: {left}"


@pytest.fixture
def unused_tcp_port() -> int:
    """A port of 127.0.0.1 on which nobody listens."""
    return free_port()
