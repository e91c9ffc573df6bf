"""What an agent sends in a job of two turns, as it was recorded from the real programs and written anew."""

import json
from pathlib import Path
from typing import Any

from msgspec import Struct

from tests.matrix.scenes import Call, Json

FOLDER = Path(__file__).parent / "contracts"

PROMPT = "Do the job."
SYSTEM = "You work in a terminal."
RESULT = "What the tool gives."
"""Texts that stand in the requests of every agent, whatever else does."""


class Contract(Struct, frozen=True):
    """An agent on one of the fronts."""

    name: str
    front: str
    path: str
    """With `$model` if the model stands in it."""
    headers: dict[str, str]
    body: Json
    """The first request."""
    calls: tuple[Json, ...] = ()
    """The tools that the model calls: name and arguments."""
    results: tuple[Json, ...] = ()
    """What follows the model's turn: `$call0` is the id of the first call."""

    @property
    def turns(self) -> str:
        """The field of the turns."""
        return {"openai-responses": "input", "gemini": "contents"}.get(self.front, "messages")

    def asked(self, model: str) -> tuple[str, Json]:
        """Path and body of the first request."""
        body = filled(self.body, {"$model": model})
        return self.path.replace("$model", model), body

    def again(self, asked: Json, turn: list[Json], ids: list[str]) -> Json:
        """The second request, after the model's turn as the agent understood it."""
        results = filled(list(self.results), {f"$call{number}": id_ for number, id_ in enumerate(ids)})
        return asked | {self.turns: [*asked[self.turns], *turn, *results]}

    def called(self) -> tuple[Call, ...]:
        """The calls as a service makes them."""
        return tuple(
            Call(f"call_{number}abcdefgh", call["name"], call["arguments"]) for number, call in enumerate(self.calls)
        )


def contract(name: str) -> Contract:
    """The contract in this file."""
    said = json.loads((FOLDER / f"{name}.json").read_text())
    return Contract(
        name,
        said["front"],
        said["path"],
        said["headers"],
        said["body"],
        tuple(said.get("calls", ())),
        tuple(said.get("results", ())),
    )


CONTRACTS = {path.stem: contract(path.stem) for path in sorted(FOLDER.glob("*.json"))}


def filled(thing: Any, values: dict[str, str]) -> Any:
    """The same JSON with these texts in place of their names."""
    if isinstance(thing, dict):
        return {name: filled(value, values) for name, value in thing.items()}
    if isinstance(thing, list):
        return [filled(value, values) for value in thing]
    return values.get(thing, thing) if isinstance(thing, str) else thing
