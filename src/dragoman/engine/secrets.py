"""A service's credentials, found in errors and removed before they leave the process. Knows no service.

A service's error is shown to callers, logged and printed. Services repeat what they were sent: the whole key, its last
characters, or the JSON of the request. So each text is searched for every run of RUN characters of a secret, in each
spelling (percent-encoded, base64 …), and each that is found becomes `…`. Only errors are searched, so a good answer
costs nothing.

What the caller wrote is the exception. Services repeat that too (`The model X does not exist`), and if X were masked
only when it is part of a secret, a caller could find a secret by asking: six characters at once, then one by one. So
what a caller wrote stays, but only if all that would become one `…` stands in the request: a service that shows the
beginning of a secret must not confirm a guess of some of it. A whole secret never stays.
"""

from base64 import b64encode, urlsafe_b64encode
from collections.abc import Callable, Iterator, Mapping
from functools import lru_cache
from itertools import islice
from typing import Any, ClassVar, TypeVar
from urllib.parse import quote, quote_plus, unquote, urlsplit

from msgspec import Struct

from dragoman.engine.ordinary import MAX_ORDINARY, ORDINARY
from dragoman.engine.repeated import LOWER, CallerWords
from dragoman.errors import DragomanError
from dragoman.types.redacted import Redacted
from dragoman.wire import json

RUN = 6
"""Characters in a row that show too much of a secret. Services show the last four, so that its owner recognises it."""

MAX_KNOWN = 64
"""Sets of secrets whose runs are kept: one for each service, and for each key that a single call brings."""

MAX_CHAIN = 16
"""Causes of an error, and causes of these, that are searched: real errors have few."""

SKIPPED = frozenset({"provider", "phase"})
"""Fields of an error that only hold our own text."""

T = TypeVar("T")


class Secrets(Redacted, frozen=True):
    """What one service's callers, logs and errors must never show."""

    hidden: ClassVar[frozenset[str]] = frozenset({"values", "asked"})
    values: tuple[str, ...] = ()
    asked: CallerWords | None = None
    """What the caller wrote, which tells the caller nothing new; None if nobody asked."""

    def beside(self, asked: CallerWords) -> "Secrets":
        """The same secrets, for the errors of a request in which the caller wrote `asked`."""
        return Secrets(self.values, asked) if self.values else self

    def clean(self, text: str) -> str:
        """`text` with `…` for every secret, and for each run of RUN characters of one that the caller did not write."""
        return _cleaned(text, _known(self.values), self.asked) if self.values else text

    def clean_error(self, error: BaseException) -> None:
        """Cleans `error` and its causes: message, arguments, notes and further fields."""
        if self.values:
            for each in islice(_chain(error), MAX_CHAIN):
                each.args = self._clean(each.args)
                said = vars(each)
                said |= {name: self._clean(value) for name, value in said.items() if name not in SKIPPED}

    def _clean(self, value: T) -> T:
        cleaned: Any = value
        match value:
            case str():
                cleaned = self.clean(value)
            case bytes():
                text = value.decode("utf-8", "surrogateescape")
                cleaned = self.clean(text).encode("utf-8", "surrogateescape")
            case tuple():
                cleaned = tuple(map(self._clean, value))
            case list():
                cleaned = list(map(self._clean, value))
            case Mapping():
                cleaned = {self._clean(name): self._clean(each) for name, each in value.items()}
        same: T = cleaned
        return same


@lru_cache(maxsize=MAX_KNOWN)
def secrets(*values: str | None, urls: tuple[str | None, ...] = (), public: frozenset[str] = frozenset()) -> Secrets:
    """The secrets among `values`, and the credentials in `urls`. `public`: values that everybody knows."""
    found = [*values, *(word for url in urls if url for word in _credentials(url))]
    return Secrets(tuple(dict.fromkeys(value for value in found if value and value not in public)))


def signed(error: DragomanError, name: str, hidden: Secrets) -> DragomanError:
    """`error` with the service's name, and without any secret of ours."""
    error.provider = error.provider or name
    hidden.clean_error(error)
    return error


def _credentials(url: str) -> Iterator[str]:
    """The credentials in a URL: as they are written, and as they are sent."""
    try:
        parts = urlsplit(url)
        user, password = parts.username, parts.password
    except ValueError:
        user, password = None, url.partition("://")[2].rpartition("@")[0]
    if password is None:
        # A token alone, in place of the user.
        user, password = None, user
    if password is not None:
        yield password
        yield unquote(password)
        if user is not None:
            # The text that Basic authentication encodes as base64.
            yield f"{unquote(user)}:{unquote(password)}"


def _itself(value: str) -> Iterator[str]:
    yield value


def _in_url(value: str) -> Iterator[str]:
    yield quote(value, safe="", errors="replace")
    yield quote_plus(value, errors="replace")


def _in_json(value: str) -> Iterator[str]:
    said = json.encode(value.encode("utf-8", "replace").decode()).decode()[1:-1]
    yield said
    # PHP escapes the slash too, Python and PHP all that is not ASCII.
    yield said.replace("/", r"\/")
    yield "".join(letter if letter.isascii() else _escaped(letter) for letter in said)


def _escaped(letter: str) -> str:
    units = letter.encode("utf-16-be")
    return "".join(f"\\u{units[i]:02x}{units[i + 1]:02x}" for i in range(0, len(units), 2))


def _in_base64(value: str) -> Iterator[str]:
    """Its base64, for each position in a longer text: after a multiple of three bytes, or one or two bytes more."""
    said = value.encode("utf-8", "replace")
    for before, foreign in ((0, 0), (1, 2), (2, 3)):
        padded = bytes(before) + said
        whole = len(padded) * 8 // 6
        for encode in (b64encode, urlsafe_b64encode):
            yield encode(padded).decode()[foreign:whole]


SPELLINGS: tuple[Callable[[str], Iterator[str]], ...] = (_itself, _in_url, _in_json, _in_base64)
"""The spellings in which a secret is sent."""


class _Known(Struct, frozen=True):
    """The secrets of one service, in lower case."""

    runs: frozenset[str]
    """All runs of them, in each spelling."""
    whole: frozenset[str]
    """The secrets themselves, which are hidden even if they are ordinary words, or short."""
    spelt: frozenset[str]
    """The secrets in each spelling, if that is as long as a run."""


@lru_cache(maxsize=MAX_KNOWN)
def _known(values: tuple[str, ...]) -> _Known:
    whole = frozenset(value.translate(LOWER) for value in values)
    spelt = {word.translate(LOWER) for value in values for spelling in SPELLINGS for word in spelling(value)}
    return _Known(
        frozenset(word[i : i + RUN] for word in spelt for i in range(len(word) - RUN + 1)),
        whole,
        frozenset(word for word in spelt if len(word) >= RUN),
    )


def _cleaned(text: str, known: _Known, asked: CallerWords | None) -> str:
    lower = text.translate(LOWER)
    pieces: list[str] = []
    shown = 0
    for start, end in _merged(sorted([*_runs(lower, known.runs), *_short(lower, known.whole)])):
        found = lower[start:end]
        if found not in known.whole and (_is_ordinary(lower, start, end) or _is_repeated(found, known, asked)):
            continue
        pieces += (text[shown:start], "…")
        shown = end
    return "".join([*pieces, text[shown:]]) if pieces else text


def _is_repeated(found: str, known: _Known, asked: CallerWords | None) -> bool:
    """Whether the caller wrote it, and it is no whole secret."""
    return asked is not None and not any(word in found for word in known.spelt) and asked.have(found)


def _runs(text: str, runs: frozenset[str]) -> Iterator[tuple[int, int]]:
    for i in range(len(text) - RUN + 1):
        if text[i : i + RUN] in runs:
            yield i, i + RUN


def _short(text: str, whole: frozenset[str]) -> Iterator[tuple[int, int]]:
    """The places of secrets that are shorter than a run, if they stand as a word of their own."""
    for word in whole:
        if len(word) < RUN:
            at = text.find(word)
            while at >= 0:
                end = at + len(word)
                if not (text[at - 1 : at].isalnum() or text[end : end + 1].isalnum()):
                    yield at, end
                at = text.find(word, end)


def _merged(found: list[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    """`found`, which is in order, with spans joined that overlap or touch."""
    start = end = -1
    for first, last in found:
        if first > end:
            if end >= 0:
                yield start, end
            start = first
        end = max(end, last)
    if end >= 0:
        yield start, end


def _is_ordinary(text: str, start: int, end: int) -> bool:
    """Whether what was found is inside of one word that errors are made of."""
    while start < end and not text[start].isalpha():
        start += 1
    while start < end and not text[end - 1].isalpha():
        end -= 1
    while start > 0 and end - start <= MAX_ORDINARY and text[start - 1].isalpha():
        start -= 1
    while end < len(text) and end - start <= MAX_ORDINARY and text[end].isalpha():
        end += 1
    return text[start:end] in ORDINARY


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__
