"""What each cell must come to: what the service says and the caller can hear, and the other way; all else has a name.

A relay (both sides speak one dialect) carries everything. `tables` has what a dialect cannot do.
"""

import re
from collections.abc import Iterator

from tests.matrix.cells import Came, Cell
from tests.matrix.exchange import MESSAGE, Seen
from tests.matrix.hearing import Heard
from tests.matrix.scenes import RETRY_AFTER, SCHEMA, Answer, Call, Failure, Json
from tests.matrix.tables import (
    BEFORE,
    FINISH,
    LOST,
    NO_DETAILS,
    NO_FREEFORM,
    NO_PROOF,
    NO_RESULT_IMAGES,
    NO_SOURCES,
    NO_SWITCH,
    UNASKED,
    UNSAID,
    WITHIN,
)

IN_STREAM: frozenset[Failure] = frozenset({"cut", "error", "silence"})


def why_not(cell: Cell) -> str:
    """Why the pair cannot have this scenario; empty if it can."""
    asked = UNASKED[cell.caller].get(cell.scene.name)
    said = UNSAID[cell.service].get(cell.scene.name)
    return f"{cell.caller}: {asked}" if asked else f"{cell.service}: {said}" if said else ""


def problems(cell: Cell, came: Came, *, node: bool = False) -> Iterator[str]:
    """What is wrong with what came of a cell."""
    yield from (f"the service refused a request: {reason}" for reason in came.refused)
    answers = cell.scene.answers
    if answers[0].failure is not None:
        yield from _failure(cell, answers[0].failure, came.heard[0], node=node)
    elif came.heard and came.heard[-1].error:
        yield f"failed: {came.heard[-1].error} {came.heard[-1].message[:200]}"
    else:
        if len(came.heard) != len(answers):
            yield f"{len(came.heard)} answers instead of {len(answers)}"
        for answer, heard in zip(answers, came.heard, strict=False):
            yield from _differing(_as_heard(cell, answer), heard, node=node)
    for i, seen in enumerate(came.seen):
        yield from _differing(_as_seen(cell, i), seen, node=node)
    yield from _unnamed(cell, came)


def _failure(cell: Cell, kind: Failure, heard: Heard, *, node: bool) -> Iterator[str]:
    within = cell.stream and kind in IN_STREAM
    name, status = (WITHIN[cell.caller], None) if within else BEFORE[cell.caller][kind]
    if not heard.error:
        yield "the caller heard no error"
    elif not node and heard.error != name:
        yield f"the error is {heard.error}, not {name}: {heard.message[:200]}"
    if kind == "error" and cell.service == "ollama" and not within:
        status = 502  # its errors in an answer have no status
    if not within and heard.status != status:
        yield f"the status is {heard.status}, not {status}"
    if kind not in {"cut", "silence"} and MESSAGE not in heard.message:
        yield f"the service's message is missing: {heard.message[:200]}"
    headless = {"ollama", "gemini"} if node else {"ollama"}  # clients whose errors do not show headers
    if kind == "429" and cell.caller not in headless and heard.retry_after != str(RETRY_AFTER):
        yield f"retry-after is {heard.retry_after}"


def _as_heard(cell: Cell, answer: Answer) -> Json:
    refused = cell.caller not in {"openai-chat", "openai-responses"} or cell.service == "anthropic"
    expected: Json = {
        "text": answer.text + (answer.refusal if refused else ""),
        "thoughts": answer.thoughts,
        "refusal": "" if refused else answer.refusal,
        "calls": tuple(_call(call, bool(cell.scene.question.freeform)) for call in answer.calls),
        "finish": _finish(cell, answer),
        "sources": (answer.source,) if answer.source and cell.caller not in NO_SOURCES else (),
        "usage": {"input": answer.usage.input, "output": answer.usage.output},
    }
    if not {cell.caller, cell.service} & NO_DETAILS:
        expected["usage"] |= {"cached": answer.usage.cached, "reasoning": answer.usage.reasoning}
    return expected


def _finish(cell: Cell, answer: Answer) -> str:
    kind: str = answer.finish
    if kind == "stop_sequence" and cell.service != "anthropic":
        kind = "done"
    if kind == "refusal" and cell.service == "anthropic" and cell.caller != "ollama":
        kind = "filter"  # its one word for both
    return FINISH[cell.caller][kind]


def _call(call: Call, freeform: bool) -> tuple[str, Json | str]:
    return call.name, call.input if freeform else call.arguments


def _as_seen(cell: Cell, turn: int) -> Json:
    question, service = cell.scene.question, cell.service
    wrapped = bool(question.freeform) and service in NO_FREEFORM
    expected: Json = {
        "stream": cell.stream if cell.caller == service else None,
        "text": question.text,
        "images": _pictures(cell, turn),
        "files": (question.pdf,) if question.pdf and service != "ollama" else (),
        "tools": (question.freeform,) if wrapped else question.tools,
        "freeform": (question.freeform,) if question.freeform and not wrapped else (),
        "schema": SCHEMA if question.schema else None,
        "stop": (question.stop,) if question.stop and service != "openai-responses" else (),
        "think": question.think and (cell.caller, service) not in NO_SWITCH,
    }
    if turn == 0 or cell.scene.result is None:
        return expected | {"calls": (), "results": (), "result_images": (), "thoughts": "", "proof": ""}
    first, image = cell.scene.answers[0], cell.scene.result.image
    proof = "" if service in NO_PROOF else first.proof
    return expected | {
        "calls": tuple(
            (call.name, {"input": call.input} if wrapped else _call(call, bool(question.freeform))[1])
            for call in first.calls
        ),
        "results": tuple(cell.scene.result.text for _ in first.calls),
        "result_images": (image,) if image and service not in NO_RESULT_IMAGES else (),
        "thoughts": first.thoughts,
        "proof": proof,
    }


def _pictures(cell: Cell, turn: int) -> tuple[str, ...]:
    found = [cell.scene.question.image]
    if turn and cell.scene.result is not None and cell.service in NO_RESULT_IMAGES:
        found.append(cell.scene.result.image)
    return tuple(filter(None, found))


def _differing(expected: Json, came: Seen | Heard, *, node: bool) -> Iterator[str]:
    for name, value in expected.items():
        found = getattr(came, name)
        if name == "schema" and isinstance(found, dict):
            # Where a schema's name has no place of its own, it is the title.
            found = {part: inner for part, inner in found.items() if part != "title"}
        if name == "usage":
            found = {part: found.get(part) or 0 for part in value}
        if name == "stream" and value is None:
            continue  # a translation asks the service as it likes
        if _plain(found, node=node) != _plain(value, node=node):
            yield f"{type(came).__name__.lower()} {name}: {found!r}, not {value!r}"


def _plain(value: object, *, node: bool) -> object:
    """The value as Node has it: its numbers are doubles."""
    match value:
        case dict():
            return {name: _plain(inner, node=node) for name, inner in value.items()}
        case tuple() | list():
            return [_plain(inner, node=node) for inner in value]
        case int() if node:
            return float(value)
        case _:
            return value


def _unnamed(cell: Cell, came: Came) -> Iterator[str]:
    rows = (
        []
        if cell.caller == cell.service
        else [row for row in LOST if row.holds(cell.caller, cell.service, cell.scene.name)]
    )
    found = list(dict.fromkeys(name for outcome in came.outcomes for name in outcome.losses.split(", ") if name))
    for name in found:
        if not any(re.fullmatch(row.name, name) for row in rows):
            yield f"an unexpected loss: {name}"
    if cell.scene.answers[0].failure is None:
        for row in rows:
            if not any(re.fullmatch(row.name, name) for name in found):
                yield f"a loss without its name: {row.name}"
