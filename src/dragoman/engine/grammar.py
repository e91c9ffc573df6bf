"""Freeform tools with a grammar, over services that have no grammars: what their models write is checked.

A grammar that cannot be read is refused before anything is sent. A call of such a tool is held until it is whole. If
its input does not match the grammar, the answer is an error, and nothing of the call goes out. If that cannot be said,
because the check takes too long or what would read the grammar is not installed, that is named in the answer's losses.
"""

import asyncio
import json
import subprocess
import sys
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import cache, lru_cache, partial
from typing import ParamSpec, TypeVar

from msgspec.structs import replace

from dragoman.engine import grammar_check
from dragoman.engine.answer import Answer
from dragoman.engine.grammar_check import MATCH, MISMATCH, UNREADABLE
from dragoman.error_words import cut
from dragoman.errors import InvalidRequestError, UpstreamError
from dragoman.protocols.tools.freeform import unwrapped_input
from dragoman.types import (
    ChatRequest,
    Loss,
    PartDelta,
    PartEnd,
    PartStart,
    ResponseEnd,
    StreamEvent,
    Tool,
    ToolCall,
    UncheckedGrammar,
    Usage,
)

P = ParamSpec("P")
T = TypeVar("T")

EXPRESSED = "tool.grammar"
"""What a protocol with grammars lists."""

Grammar = tuple[str, str]
"""The kind, and the definition."""

SECONDS = 3.0
"""How long a check may take: 96 KB of a patch by a slow parser took 2.6 seconds (lark 1.3.1, 2026-11-26). All grammars
of a request have as long together: each takes a process, and 1 MB holds thousands of them."""
PARALLEL = 4
"""Checks at a time. They have threads of their own: the loop's are for work that does not wait."""
MAX_TEXT, MAX_DEFINITION = 1 << 18, 1 << 16
"""Characters. A longer text is not checked, a longer definition is refused."""
MAX_READ = 64
"""Grammars of which it is known whether they can be read: an agent sends the same with each request."""
LATE = "late"


def grammars(request: ChatRequest, expresses: frozenset[str]) -> dict[str, Grammar]:
    """The grammars that a service with `expresses` does not have, by the tools' names."""
    if EXPRESSED in expresses:
        return {}
    return {tool.name: tool.grammar for tool in request.tools if isinstance(tool, Tool) and tool.grammar is not None}


async def check_grammars(request: ChatRequest, checking: Mapping[str, Grammar], seconds: float = SECONDS) -> None:
    """Raises InvalidRequestError if one of `checking`, grammars of the request's tools by name, cannot be read.

    Those that were not looked at in so many seconds pass.
    """
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            for number, tool in enumerate(request.tools):
                grammar = checking.get(tool.name) if isinstance(tool, Tool) else None
                if grammar is not None and (wrong := await unreadable(grammar, seconds)):
                    raise InvalidRequestError(
                        f"tools[{number}]: expected a {grammar[0]} grammar that can be read, {wrong}",
                        code="invalid_grammar",
                        param=f"tools[{number}]",
                    )


async def unreadable(grammar: Grammar, seconds: float = SECONDS) -> str:
    """Why a grammar cannot be read; empty if it can, or if that cannot be said."""
    kind, definition = grammar
    if len(definition) > MAX_DEFINITION:
        return f"got {len(definition)} characters; at most {MAX_DEFINITION} are read"
    try:
        found, _, why = (await _in_thread(_read, kind, definition, seconds)).partition("\n")
    except _LateError:
        return ""
    return f"got one that cannot: {cut(why.strip())}" if found == UNREADABLE else ""


class Checked(Answer):
    """An answer whose calls of some tools are checked. Raises UpstreamError for one that does not match."""

    def __init__(self, answer: Answer, grammars: dict[str, Grammar], seconds: float = SECONDS) -> None:
        self.tells_of(answer)
        self._answer = answer
        self._grammars = grammars
        self._seconds = seconds
        self._call: ToolCall | None = None
        """The call that is held."""
        self._held: list[StreamEvent] = []
        self._lost: list[Loss] = []

    @property
    def usage(self) -> Usage | None:
        return self._answer.usage

    async def read(self) -> list[StreamEvent]:
        while events := await self._answer.read():
            out: list[StreamEvent] = []
            for event in events:
                await self._take(event, out)
            if out:
                return out
        return []

    def close(self) -> None:
        self._held = []
        self._answer.close()

    async def _take(self, event: StreamEvent, out: list[StreamEvent]) -> None:
        match event:
            case PartStart(ToolCall(name=name) as call) if name in self._grammars:
                self._call, self._held = call, [event]
            case _ if self._call is not None:
                self._held.append(event)
                if isinstance(event, PartEnd):
                    await self._check(self._call)
                    out += self._held
                    self._call, self._held = None, []
            case ResponseEnd() if self._lost:
                out.append(replace(event, losses=(*event.losses, *self._lost)))
            case _:
                out.append(event)

    async def _check(self, call: ToolCall) -> None:
        said = call.arguments + "".join(event.text for event in self._held if isinstance(event, PartDelta))
        text = said if call.input_format == "text" else unwrapped_input(said)
        kind, _ = grammar = self._grammars[call.name]
        found = MISMATCH if text is None else await checked(grammar, text, self._seconds)
        if found == MISMATCH:
            self.close()
            raise UpstreamError(
                f"expected a call of {call.name!r} that matches its {kind} grammar, got another input", code="grammar"
            )
        if found != MATCH and not self._lost:
            self._lost.append(UncheckedGrammar("answer.tool_call.grammar"))


async def checked(grammar: Grammar, text: str, seconds: float = SECONDS) -> str:
    """MATCH, MISMATCH, or another word if that cannot be said."""
    kind, definition = grammar
    if len(text) > MAX_TEXT or len(definition) > MAX_DEFINITION:
        return "large"
    return (await _in_thread(_run, kind, definition, text, seconds)).partition("\n")[0]


async def _in_thread(check: Callable[P, T], *args: P.args, **options: P.kwargs) -> T:
    return await asyncio.get_running_loop().run_in_executor(_threads(), partial(check, *args, **options))


@cache
def _threads() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(PARALLEL, "dragoman grammar")


class _LateError(Exception):
    """It took too long. As an error, so that it is not remembered: the machine may have been busy."""


@lru_cache(maxsize=MAX_READ)
def _read(kind: str, definition: str, seconds: float) -> str:
    """What the check says of a grammar alone. Raises _LateError."""
    found = _run(kind, definition, None, seconds)
    if found == LATE:
        raise _LateError
    return found


def _run(kind: str, definition: str, text: str | None, seconds: float) -> str:
    """What the check says; it is ended if it takes longer than `seconds`."""
    asked = json.dumps({"kind": kind, "definition": definition, "text": text, "seconds": int(seconds) + 1})
    command = [sys.executable, "-P", grammar_check.__file__]
    try:
        done = subprocess.run(  # noqa: S603  # a program of ours; what strangers wrote is its input
            command, input=f"{asked}\n".encode(), capture_output=True, timeout=seconds, check=False
        )
    except (subprocess.TimeoutExpired, OSError):
        return LATE
    return done.stdout.decode().strip()
