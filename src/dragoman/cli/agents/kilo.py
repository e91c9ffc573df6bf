"""Kilo Code, made from opencode: the same by other names. Seen 2026-11-29 with version 7.7.7."""

from functools import partial

from dragoman.cli.agents.agent import Agent
from dragoman.cli.agents.opencode import prepared

KILO = Agent("kilo", "Kilo Code", "npm install -g @kilocode/cli", partial(prepared, "KILO"))
