"""The offline models' answers: steps of events, silence and failure. Knows no network."""

import asyncio
from collections.abc import Callable, Iterator, Sequence
from typing import assert_never

from dragoman.engine.answer import Answer
from dragoman.error_words import nearest
from dragoman.errors import DragomanError, ModelNotFoundError, TruncatedStreamError
from dragoman.protocols.losses import losses, refuse
from dragoman.protocols.speech import ANYWHERE, BREAKPOINTS, CITATION_DETAILS, DETAILS, DEVELOPER, NAMES, PARTS
from dragoman.providers.offline.directives import Count, Directive, Fail, Pause, Say, Step, steps
from dragoman.providers.offline.echo import echo
from dragoman.providers.offline.eliza import eliza
from dragoman.providers.offline.script import script
from dragoman.providers.offline.turns import heard
from dragoman.types import ChatRequest, EmulatedGrammar, Loss, LostDetail, ResponseStart, StreamEvent

_MODELS: dict[str, Callable[[ChatRequest], list[Directive]]] = {"eliza": eliza, "echo": echo, "script": script}

PROTOCOL = "offline"
"""Their protocol's name: they use our own values."""

MODELS = tuple(_MODELS)
"""The names of the offline models."""

_EVERYTHING = (
    frozenset(ChatRequest.__struct_fields__)
    | frozenset(PARTS.values())
    | frozenset(f"{PARTS[kind]}.{detail}" for kind, details in DETAILS.items() for detail in details)
    | frozenset(f"text.citations.{detail}" for detail in CITATION_DETAILS)
    | BREAKPOINTS
    | {NAMES, DEVELOPER, ANYWHERE}
)
_UNHEARD = frozenset(
    {
        "tools",
        "tool_choice",
        "parallel_tool_calls",
        "response_format",
        "stop",
        "top_logprobs",
        "verbosity",
        "modalities",
        "image",
        "audio",
        "file",
        "unknown",
    }
)
"""Fields that `echo` ignores. Those that steer the choice among tokens are not listed: the models have none."""

_OBEYED = frozenset({"tools", "tool_choice", "parallel_tool_calls", "response_format"})
"""Fields that `eliza` obeys."""

_OF_TOOLS = frozenset({"tool.strict", "tool.namespace", "tool.namespace_description", "tool_choice.names"})

_EXPRESSES = {"eliza": (_EVERYTHING - _UNHEARD) | _OBEYED | _OF_TOOLS, "echo": _EVERYTHING - _UNHEARD}
"""`script` is not listed: the script itself says what to do with the request, so nothing is lost."""


async def open_offline(model: str, request: ChatRequest) -> Answer:
    """The answer of an offline model. Raises ModelNotFoundError, InvalidRequestError, and what a script begins with."""
    directives, lost = _read(model, request)
    await _opening(directives)
    return OfflineAnswer(steps(ResponseStart(model=model, losses=lost), heard(request), directives))


def offline_losses(model: str, request: ChatRequest) -> tuple[Loss, ...]:
    """What of `request` an offline model does not hear. Raises ModelNotFoundError, InvalidRequestError."""
    return _read(model, request)[1]


def _read(model: str, request: ChatRequest) -> tuple[list[Directive], tuple[Loss, ...]]:
    answering = _MODELS.get(model)
    if answering is None:
        known = f"expected one of the offline models {', '.join(MODELS)}, got {model!r}"
        raise ModelNotFoundError(known + nearest(model, MODELS))
    found = losses(request, _EXPRESSES.get(model, _EVERYTHING), PROTOCOL)
    # Nobody checks what these models write.
    lost = tuple(LostDetail(loss.name) if isinstance(loss, EmulatedGrammar) else loss for loss in found)
    refuse(lost, f"{PROTOCOL}/{model}", strict=False)
    return answering(request), lost if model in _EXPRESSES else ()


async def _opening(directives: Sequence[Directive]) -> None:
    """Raises an error that comes before any content, after the delays before it. A cut always happens in the stream."""
    delay = 0.0
    for directive in directives:
        match directive:
            case Pause(float() as seconds):
                delay += seconds
            case Fail(error) if not isinstance(error, TruncatedStreamError):
                await asyncio.sleep(delay)
                raise error
            case Count() | Say(text=""):
                pass
            case _:
                return


class OfflineAnswer(Answer):
    """Plays steps, one for each read."""

    def __init__(self, taken: Iterator[Step]) -> None:
        self._steps = taken
        self._closed = asyncio.Event()
        self._error: DragomanError | None = None
        self._whole = False

    async def read(self) -> list[StreamEvent]:
        # A model that never waits must not keep a loop from its other work.
        await asyncio.sleep(0)
        while self._error is None and not self._whole:
            if self._closed.is_set():
                self._error = TruncatedStreamError("the answer was closed before its end")
                break
            step = next(self._steps, None)
            match step:
                case None:
                    self._whole = True
                case list():
                    return step
                case Pause(seconds):
                    await self._pause(seconds)
                case Fail(error):
                    self._error = error
                case _:
                    assert_never(step)
        if self._error is not None:
            raise self._error
        return []

    def close(self) -> None:
        self._closed.set()

    async def _pause(self, seconds: float | None) -> None:
        """Waits that long, or until the answer is closed."""
        try:
            async with asyncio.timeout(seconds):
                await self._closed.wait()
        except TimeoutError:
            return
