"""Arguments of a call that come value by value, each with the path of its place, as Vertex AI streams them.

https://cloud.google.com/vertex-ai/generative-ai/docs/multimodal/function-calling#streaming-fc
"""

import re
from collections.abc import Mapping
from typing import Any

from dragoman.types.growing_text import GrowingText
from dragoman.wire import json

STEP = re.compile(r"""\.([^.\[\]]+)|\[(\d{1,6})\]|\['([^']*)'\]|\["([^"]*)"\]""")
VALUES = ("stringValue", "numberValue", "boolValue", "nullValue")

MAX_GAP = 1000
"""Entries of lists that the paths of a call may pass over: a list grows by one entry at a time."""

MAX_STEPS = 64
"""Steps of a path: no arguments are nested as deeply, and more could not be written as JSON."""


class PartialCall:
    """A call that is under way."""

    def __init__(self, body: Mapping[str, Any]) -> None:
        name, known = body.get("name"), body.get("id")
        self.name = name if isinstance(name, str) else ""
        self.id = known if isinstance(known, str) else ""
        self.signature: str | None = None
        self._args: dict[str, Any] = {}
        self._growing: set[str] = set()
        """Paths of texts of which more comes."""
        self._gap = MAX_GAP
        """Entries that may still be passed over."""

    def add(self, body: Mapping[str, Any]) -> None:
        """Takes the next fragment; a value whose path is not understood is left out."""
        if isinstance(whole := body.get("args"), dict):
            self._args |= whole
        pieces = body.get("partialArgs")
        for piece in pieces if isinstance(pieces, list) else []:
            if isinstance(piece, dict) and isinstance(path := piece.get("jsonPath"), str):
                self._set(path, piece)

    @property
    def arguments(self) -> str:
        """What has come, as JSON text."""
        return json.encode(self._args, enc_hook=str).decode()

    def _set(self, path: str, piece: Mapping[str, Any]) -> None:
        steps = _steps(path)
        field = next((name for name in VALUES if name in piece), None)
        if steps is None or field is None:
            return
        value = None if field == "nullValue" else piece[field]
        goes_on = piece.get("willContinue") is True
        if isinstance(value, str):
            text = _get(self._args, steps) if path in self._growing else None
            if isinstance(text, GrowingText):
                text.add(value)
            elif goes_on:
                text = GrowingText()
                text.add(value)
                self._put(steps, text)
            else:
                self._put(steps, value)
        else:
            self._put(steps, value)
        if goes_on:
            self._growing.add(path)
        else:
            self._growing.discard(path)

    def _put(self, steps: list[str | int], value: Any) -> None:
        here: Any = self._args
        for i, step in enumerate(steps):
            last = i + 1 == len(steps)
            below: Any = value if last else [] if isinstance(steps[i + 1], int) else {}
            match here, step:
                case dict(), str():
                    if last or not isinstance(here.get(step), type(below)):
                        here[step] = below
                    here = here[step]
                case list(), int() if (gap := max(step - len(here), 0)) <= self._gap:
                    self._gap -= gap
                    here.extend([None] * (step + 1 - len(here)))
                    if last or not isinstance(here[step], type(below)):
                        here[step] = below
                    here = here[step]
                case _:
                    return


def _steps(path: str) -> list[str | int] | None:
    """The names and numbers of a path such as `$.places[0].city`; None if it has another form."""
    rest = path.removeprefix("$")
    steps: list[str | int] = []
    at = 0
    while at < len(rest):
        step = STEP.match(rest, at)
        if step is None or len(steps) == MAX_STEPS:
            return None
        steps.append(int(step[2]) if step[2] is not None else step[1] or step[3] or step[4] or "")
        at = step.end()
    return steps if steps and isinstance(steps[0], str) else None


def _get(value: Any, steps: list[str | int]) -> Any:
    for step in steps:
        match value, step:
            case dict(), str():
                value = value.get(step)
            case list(), int() if step < len(value):
                value = value[step]
            case _:
                return None
    return value
