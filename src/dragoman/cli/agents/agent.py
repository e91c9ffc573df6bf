"""An agent: a program that works with a model, and how it is pointed at a gateway. Starts nothing, writes nothing."""

from collections.abc import Callable, Mapping
from pathlib import Path

from msgspec import Struct, field


class Gate(Struct, frozen=True):
    """The gateway that an agent has to call."""

    url: str
    """`http://127.0.0.1:8642`, without a path."""
    key: str
    """What the agent must show."""
    model: str
    """The only model that the agent may ask for."""


class Place(Struct, frozen=True):
    """Where an agent is started."""

    folder: Path
    """A folder for files of this run. It is removed afterwards."""
    environ: Mapping[str, str] = field(default_factory=dict)
    """The environment that the agent would get."""


class Setup(Struct, frozen=True, kw_only=True):
    """What points one run of an agent at a gateway. No file of the user's is changed for it."""

    variables: dict[str, str]
    """Variables that are set."""
    removed: tuple[str, ...] = ()
    """Variables that are removed, because they would lead the agent elsewhere, or show a second key."""
    arguments: tuple[str, ...] = ()
    """Arguments before those of the user."""
    files: dict[str, bytes] = field(default_factory=dict)
    """Files in the run's folder, by name. They name the variable that has the key, if the agent can read that."""
    links: dict[str, Path] = field(default_factory=dict)
    """Names in the run's folder that lead to files of the user's."""


class Agent(Struct, frozen=True):
    """One kind of agent."""

    name: str
    """What users call it; also the name of its program."""
    title: str
    """As its maker writes it."""
    install: str
    """How to get it."""
    prepare: Callable[[Gate, Place], Setup]
    """What points it at a gateway."""
