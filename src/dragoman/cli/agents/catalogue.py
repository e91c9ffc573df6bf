"""All agents: those that the modules of this folder make."""

import dragoman.cli.agents
from dragoman.cli.agents.agent import Agent
from dragoman.cli.found import made_in


def agents() -> dict[str, Agent]:
    """The agents by their names."""
    return {agent.name: agent for agent in made_in(dragoman.cli.agents, Agent)}
