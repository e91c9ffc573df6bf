"""Betas: a header field in which callers ask for what not every service of a protocol has. Knows no dialect.

Services refuse lists of them, and so each request of an agent that sends some (Claude Code: nine). Bedrock does not say
which: `invalid beta flag` (anthropics/claude-code#49648, BerriAI/litellm#19877). Vertex AI does: "Unexpected value(s)
`a`, `b` for the `anthropic-beta` header" (anthropics/claude-code#34802), and so do others in words of their own
(anthropics/claude-code#70563, TokenRhythm/opensquilla#1102). Which are taken depends on service, model and day, so that
lists of these are never right for long (BerriAI/litellm#41203). Seen 2026-11-29.
"""

import re

from dragoman.errors import DragomanError, InvalidRequestError
from dragoman.types import Headers, Loss, UntakenBeta
from dragoman.types.http import without

NAMES = re.compile(r"[\w.-]+", re.ASCII)
WORDS = ("invalid beta flag", "unsupported beta")
"""What a service says that does not say which."""


def sent(headers: Headers, field: str) -> str:
    """The list in `headers`; empty if there is none. `field`: its name, in lower case."""
    return ",".join(value for name, value in headers if name == field) if field else ""


def replaced(headers: Headers, field: str, betas: str) -> Headers:
    """`headers` with the list `betas`."""
    return (*without(headers, {field}), *(((field, betas),) if betas else ()))


def remaining(betas: str, field: str, error: DragomanError) -> str | None:
    """The list that a service may take which has refused `betas` with `error`; None if that is not why it failed.

    Those that it names are left out; if it names none, all.
    """
    if not betas or type(error) is not InvalidRequestError:
        return None
    listed, said = _listed(betas), error.message.lower()
    named = {name.lower() for name in listed} & {word.rstrip(".") for word in NAMES.findall(said)}
    if named:
        return ",".join(name for name in listed if name.lower() not in named)
    return "" if any(words in said for words in (field, *WORDS)) else None


def untaken(betas: str, field: str, taken: str) -> tuple[Loss, ...]:
    """What of the list `betas` is lost if `taken` is sent."""
    if taken == betas:
        return ()
    rest = _listed(taken)
    return tuple(UntakenBeta(f"{field}.{name}") for name in _listed(betas) if name not in rest)


def _listed(betas: str) -> list[str]:
    return list(dict.fromkeys(name for each in betas.split(",") if (name := each.strip(" \t"))))
