"""Whether a text matches a grammar: a program of its own, which is ended if it takes too long. Imports none of ours.

Grammar and text come from strangers, and there are short ones that would take years: so this runs in another process,
with limits. It reads one line of JSON and writes one word.
"""

import json
import re
import sys

MATCH, MISMATCH, UNREADABLE = "match", "mismatch", "unreadable"

MAX_MEMORY = 1 << 29
"""Bytes: a parser of a large patch takes about 100 MiB."""

EMPTY_TAIL = re.compile(r"/\(?\.\*\)?/(?![a-z])")
"""Any rest of a line. A terminal of lark's own must have a character, one of OpenAI's need not; so is written what
follows instead. https://platform.openai.com/docs/guides/function-calling#context-free-grammars, seen 2026-11-26"""
TAIL = "(/.+/)?"


def regex(definition: str, text: str) -> str:
    """Whether all of `text` matches a regular expression."""
    try:
        return MATCH if re.fullmatch(definition, text) else MISMATCH
    except re.error:
        return UNREADABLE


def lark(definition: str, text: str) -> str:
    """Whether `text` is of the language of a grammar.

    A parser of the quick kind cannot read all grammars, and may refuse a text that the grammar allows; what it accepts
    is allowed. Of all else the slow kind decides.
    """
    try:
        from lark import Lark, LarkError  # an extra: without it nothing is checked
    except ImportError:
        return UNREADABLE
    written = EMPTY_TAIL.sub(TAIL, definition)
    for kind in ("lalr", "earley"):
        try:
            parser = Lark(written, parser=kind)
        except (LarkError, re.error, ValueError, RecursionError, AssertionError):
            continue
        try:
            parser.parse(text)
        except LarkError:
            if kind == "earley":
                return MISMATCH
        else:
            return MATCH
    return UNREADABLE


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
    print(CHECKS[asked["kind"]](asked["definition"], asked["text"]))


if __name__ == "__main__":
    main()
