"""`dragoman run`: an agent on any model."""

import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import click
from msgspec import Struct
from msgspec.structs import replace

from dragoman.cli.agent_process import orderly, run_agent
from dragoman.cli.agent_proxies import without_proxy
from dragoman.cli.agents.agent import Agent, Gate, Place, Setup
from dragoman.cli.agents.catalogue import agents
from dragoman.cli.gateway_process import UNNAMED, FoundGateway, address, find_gateway, own_gateway
from dragoman.cli.options import completed_file, config_option, model_option
from dragoman.cli.shell_lines import FOLDER, shell_lines
from dragoman.cli.terminal.output import remark, say
from dragoman.client import Client
from dragoman.config import load
from dragoman.errors import ConfigurationError, ModelNotFoundError

AGENTS = agents()
*_FIRST, _LAST = AGENTS
HELP = f"""Run a coding agent on any model.

AGENT is {", ".join(_FIRST)} or {_LAST}; what follows -- is for the agent. It calls the gateway at the configured
address; if none answers there, one is started on a free port, with a key of its own, and ended with the agent. Only
variables, arguments and files in a temporary folder point the agent there: nothing of its own configuration is changed.
Exits as the agent does.
"""

LOG = "gateway.log"


class Run(Struct, frozen=True):
    """What is to be run."""

    agent: Agent
    arguments: tuple[str, ...]
    model: str
    """Empty for the default."""
    remark: Callable[[str], None]
    """Says what is done."""


@click.command(help=HELP)
@click.argument("name", type=click.Choice(list(AGENTS)), metavar="AGENT")
@click.argument(
    "arguments", nargs=-1, type=click.UNPROCESSED, metavar="[-- ARGUMENTS]...", shell_complete=completed_file
)
@model_option
@click.option("-q", "--quiet", is_flag=True, help="Do not say what is set.")
@click.option("--print", "only_print", is_flag=True, help="Print what would be set, as shell lines, and run nothing.")
@config_option
def command(
    *, name: str, arguments: tuple[str, ...], model: str, quiet: bool, only_print: bool, config: Path | None
) -> int:
    """Runs the agent."""
    client = Client(load(config))
    run = Run(AGENTS[name], arguments, model, _silence if quiet else _remark)
    found = find_gateway(client.config)
    gate_model = _model(client, found, model)
    if only_print:
        say(_printed(client, found, run, gate_model))
        return 0
    program = shutil.which(run.agent.name)
    if program is None:
        raise ConfigurationError(
            f"{run.agent.title} is not installed: there is no program {run.agent.name!r} on the PATH. "
            f"Get it by: {run.agent.install}"
        )
    with orderly(), _folder() as folder, ExitStack() as stack:
        log = folder / LOG
        if found is None:
            gateway = stack.enter_context(own_gateway(client.config, os.environ, log))
            run.remark(f"no gateway answered at {address(client.config)}: started one at {gateway.url} for this run")
        else:
            gateway = found
            run.remark(f"uses the gateway that runs at {gateway.url}")
        return _run(run, program, Gate(gateway.url, gateway.key, gate_model), folder / "agent")


def _run(run: Run, program: str, gate: Gate, folder: Path) -> int:
    folder.mkdir(mode=0o700)
    setup = _setup(run, gate, folder)
    for name, data in setup.files.items():
        (folder / name).write_bytes(data)
    for name, path in setup.links.items():
        (folder / name).symlink_to(path)
    for line in _account(setup, gate, folder):
        run.remark(line)
    environ = {name: value for name, value in os.environ.items() if name not in setup.removed}
    return run_agent([program, *setup.arguments, *run.arguments], environ | setup.variables)


def _setup(run: Run, gate: Gate, folder: Path) -> Setup:
    setup = run.agent.prepare(gate, Place(folder, os.environ))
    return replace(setup, variables=setup.variables | without_proxy(gate.url, os.environ))


def _account(setup: Setup, gate: Gate, folder: Path) -> Iterator[str]:
    """What is done, a line for each thing, without values of variables."""
    yield f"model: {gate.model}"
    yield f"sets {', '.join(setup.variables)}"
    if removed := [name for name in setup.removed if name in os.environ]:
        yield f"removes {', '.join(removed)}"
    for name in setup.files:
        yield f"writes {folder / name}, until the agent ends"
    if setup.links:
        yield f"links to your own files from {folder}: {', '.join(setup.links)}"
    if setup.arguments:
        yield f"passes {' '.join(setup.arguments)}"


def _model(client: Client, found: FoundGateway | None, model: str) -> str:
    """The name that the gateway has for `model`. Raises ModelNotFoundError, ConfigurationError."""
    name = model or client.default_model
    if not name:
        raise ConfigurationError("no model is the default: name one with --model, or set gateway.default_model")
    try:
        client.plan(name)
    except ModelNotFoundError:
        if found is None or name not in found.models:
            raise
    return name


def _printed(client: Client, found: FoundGateway | None, run: Run, model: str) -> str:
    gate = Gate(address(client.config), found.key if found else UNNAMED, model)
    setup = _setup(run, gate, FOLDER)
    lines = shell_lines(setup, gate, [run.agent.name, *setup.arguments, *run.arguments])
    if found is None:
        return f"# no gateway answers at {gate.url}; without --print, one would be started on a free port\n{lines}"
    return lines


PRIVATE = (("XDG_RUNTIME_DIR", "dragoman"), ("XDG_CACHE_HOME", "dragoman"), ("HOME", ".cache/dragoman"))
"""Where temporary files of one user may stand: a variable, and a folder below its value."""


@contextmanager
def _folder() -> Iterator[Path]:
    """A folder for this user's eyes only, until the end; below one that no other user can write, if there is one.

    Gemini CLI refuses settings below a folder that others can write, such as /tmp.
    """
    with tempfile.TemporaryDirectory(prefix="dragoman-run-", dir=_private()) as name:
        yield Path(name)


def _private() -> Path | None:
    """A folder for temporary files of this user alone; None: that of all users."""
    for variable, below in PRIVATE:
        base = Path(os.environ.get(variable, ""))
        if base.is_absolute() and base.is_dir():
            folder = base / below
            try:
                folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            except OSError:
                continue
            return folder
    return None


def _remark(line: str) -> None:
    remark(f"dragoman: {line}")


def _silence(_: str) -> None:
    """Takes the place of `_remark` with `--quiet`."""
