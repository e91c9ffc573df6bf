"""What a program may see of its calls: lines of the logger `dragoman`, in which are neither words nor keys."""

import logging
from collections.abc import Iterable

from dragoman.engine.answer import Answer
from dragoman.errors import Attempt

log = logging.getLogger("dragoman")
"""Failures of which a caller may see nothing, because another attempt went well, are INFO; all else is DEBUG."""


def log_answer(answer: Answer) -> None:
    """Who answers, and who was asked before."""
    found = answer.innermost
    log_failures(found.attempts)
    log.debug("%s answers (status %s)", found.target or "the model", found.status or "none")


def note(target: str, attempts: Iterable[Attempt], asked_at: float | None) -> None:
    """The same of what is no chat."""
    log_failures(attempts)


def log_failures(attempts: Iterable[Attempt]) -> None:
    """Who did not answer, and why, in the error's code: its words may repeat the question."""
    for each in attempts:
        log.info("%s failed: %s (status %d)", each.target, each.code, each.status)


def log_tool_failure(name: str, error: BaseException) -> None:
    """That a function failed, which otherwise only the model learns. The error's words may repeat the conversation."""
    log.info("the tool %s failed: %s", name, type(error).__name__)


def log_wait(seconds: float) -> None:
    """That there is another attempt, in so many seconds."""
    log.info("asking again in %.1f s", seconds)
