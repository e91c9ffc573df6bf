"""The words of errors: cut to a length, without credentials, and with the nearest name that is known."""

import re
from collections.abc import Iterable
from difflib import get_close_matches

CUT = 200
"""Characters of a value that a message quotes: enough for a sentence, too few for a page or a prompt."""

CUT_WORDS = 2000
"""Characters of a service's own message that an error keeps: validators name the wrong field at its end."""

MAX_WORD = 80
"""Characters of a word that are compared with others: the cost grows with their square, and callers may choose it."""

BEGINNING = 4
"""Characters of a word that may be the beginning of a longer one: `temp` is that of `temperature`."""

LIKENESS = 0.65
"""How alike two words must be, of 1: `ulr` and `url` are (0.67), `prot` and `fronts` are not (0.6)."""


def cut(text: str, limit: int = CUT) -> str:
    """`text` on one line, at most `limit` characters long."""
    line = " ".join(text[: 4 * limit].split())
    return line if len(line) <= limit else line[: limit - 1] + "…"


SECRETS = re.compile(
    r"""
    (?:
    ( \bBearer\s+(?!(?:your[_-]\w+|(?:api[_-]?)?key|token|auth\w*|scheme)(?![\w-]))
    | \b[\w-]{0,64}+(?:(?<=key)|(?<=token)|(?<=secret)|(?<=password)|(?<=signature))=
    | (?:key|token|secret|password|signature)=
    | \bapi[-_ ]?key(?:\s+provided)?["']?\s*[:=]\s*["']?
    ) [^\s"'`&,;]+[^\s"'`&,;.)\]}]
    | \b(?:sk|pk|rk|gsk|hf|xai|ghp)[-_][\w*.-]*[\w*]
    | \bAIza[\w*-]{4,}
    | \b(?-i:eyJ)(?:[\w-]{13,}+|[\w-]{1,12}+(?=\.[\w-]))(?:\.[\w-]++){0,2}
    )
    (?: (?: (?<=Bearer)\s+ | (?<=key)["']?\s*[:=]\s*["']? ) [^\s"'`&,;]*[^\s"'`&,;.)\]}] )*
    """,
    re.IGNORECASE | re.VERBOSE,
)
"""Credentials as services repeat them: `Incorrect API key provided: sk-…`, `?key=AIza…`, bearer tokens, JWTs.

If one ends with such a word itself (`eyJ…-Bearer SECRET`, `key=Bearer SECRET`), what follows that word belongs to it.
A placeholder (`Bearer KEY`, `Bearer YOUR_KEY`, "using Bearer auth") does not match. No text takes long, whatever a
service or a caller has put into it: a run of letters and dashes is not read again from each of its dashes.
"""


def scrub(text: str) -> str:
    """`text` with `…` for everything that looks like a credential."""
    return SECRETS.sub(lambda found: f"{found[1] or ''}…", text)


def nearest(word: str, known: Iterable[str]) -> str:
    """The tail of an error's message: `; did you mean X?` with the `closest` of `known`, or empty."""
    name = closest(word, known)
    return f"; did you mean {name}?" if name else ""


def closest(word: str, known: Iterable[str]) -> str:
    """The one of `known` that looks like `word`, or is the only one that begins with it; empty if none does."""
    spelt = {name.lower(): name for name in known}
    said = word[:MAX_WORD].lower()
    close = get_close_matches(said, spelt, n=1, cutoff=LIKENESS)
    if not close and len(said) >= BEGINNING:
        longer = [name for name in spelt if name.startswith(said)]
        close = longer if len(longer) == 1 else []
    return spelt[close[0]] if close else ""
