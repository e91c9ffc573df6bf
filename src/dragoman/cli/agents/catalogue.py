"""All agents: those that each module of this folder makes. No list is edited for a new one."""

import importlib
import pkgutil
from collections.abc import Iterator

import dragoman.cli.agents
from dragoman.cli.agents.agent import Agent


def agents() -> dict[str, Agent]:
    """The agents by their names."""
    return {agent.name: agent for agent in _found()}


def _found() -> Iterator[Agent]:
    package = dragoman.cli.agents
    for info in pkgutil.iter_modules(package.__path__, f"{package.__name__}."):
        module = importlib.import_module(info.name)
        yield from (value for value in vars(module).values() if isinstance(value, Agent))
