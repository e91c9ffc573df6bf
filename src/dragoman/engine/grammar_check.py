"""Whether a text matches a grammar: a program of its own, which is ended if it takes too long. Imports none of ours.

Grammar and text come from strangers, and there are short ones that would take years: so this runs in another process,
with limits. It reads one line of JSON and writes one word; without a text, whether the grammar can be read and, in a
second line, why it cannot.
"""

import json
import re
import sys

MATCH, MISMATCH, UNREADABLE = "match", "mismatch", "unreadable"
READABLE, ABSENT = "readable", "absent"
"""ABSENT: what would read the grammar is not installed."""

MAX_MEMORY = 1 << 29
"""Bytes: a parser of a large patch takes about 100 MiB."""

EMPTY_TAIL = re.compile(r"/\(?\.\*\)?/(?![a-z])")
"""Any rest of a line. A terminal of lark's own must have a character, one of OpenAI's need not; so is written what
follows instead. https://platform.openai.com/docs/guides/function-calling#context-free-grammars, seen 2026-11-26"""
TAIL = "(/.+/)?"


class UnreadableError(Exception):
    """The grammar cannot be read; the message says why."""


def regex(definition: str, text: str | None) -> str:
    """Whether all of `text` matches a regular expression. Raises UnreadableError."""
    try:
        pattern = re.compile(definition)
    except (re.error, OverflowError, RecursionError) as exc:
        raise UnreadableError(exc) from exc
    if text is None:
        return READABLE
    return MATCH if pattern.fullmatch(text) else MISMATCH


def lark(definition: str, text: str | None) -> str:
    """Whether `text` is of the language of a grammar. Raises UnreadableError.

    A parser of the quick kind cannot read all grammars, and may refuse a text that the grammar allows; what it accepts
    is allowed. Of all else the slow kind decides.
    """
    try:
        from lark import Lark, LarkError  # an extra: without it nothing is checked
    except ImportError:
        return ABSENT
    written = EMPTY_TAIL.sub(TAIL, definition)
    wrong: Exception | None = None
    for kind in ("lalr", "earley"):
        try:
            parser = Lark(written, parser=kind)
        except (LarkError, re.error, ValueError, RecursionError, AssertionError) as exc:
            wrong = exc
            continue
        if text is None:
            return READABLE
        try:
            parser.parse(text)
        except LarkError:
            if kind == "earley":
                return MISMATCH
        else:
            return MATCH
    raise UnreadableError(wrong) from wrong


CHECKS = {"regex": regex, "lark": lark}


def limit(seconds: int) -> None:
    """Limits what this process may use, if the system can do that."""
    try:
        import resource  # Windows has none
    except ImportError:
        return
    resource.setrlimit(resource.RLIMIT_AS, (MAX_MEMORY, MAX_MEMORY))
    resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds))


def main() -> None:
    asked = json.loads(sys.stdin.readline())
    limit(asked["seconds"])
    try:
        print(CHECKS[asked["kind"]](asked["definition"], asked["text"]))
    except UnreadableError as exc:
        print(UNREADABLE, *str(exc).splitlines()[:1], sep="\n")


if __name__ == "__main__":
    main()
