"""What can be wrong with an answer in JSON: fields of other types, dropped, doubled, events moved, bytes cut off."""

import json
import random
import re
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from itertools import pairwise
from typing import Any

from msgspec import Struct

BOM = b"\xef\xbb\xbf"
Path = tuple[str | int, ...]
Change = Callable[[Any], str]
"""The text of an event's JSON, changed."""


def _deep(depth: int) -> list[Any]:
    value: list[Any] = []
    for _ in range(depth - 1):
        value = [value]
    return value


OTHERS: dict[str, object] = {
    "null": None,
    "true": True,
    "false": False,
    "0": 0,
    "3": 3,
    "2.5": 2.5,
    "400 digits": 10**399,
    "NaN": float("nan"),
    "empty text": "",
    "text": "x",
    "empty list": [],
    "empty object": {},
    "300 lists": _deep(300),
}
"""Values of each type of JSON, by the names that a failed test shows."""


FAILURES: dict[str, bytes] = {
    "an error": b'data: {"error":{"message":"the worker died"}}\n\n',
    "an error whose name is escaped": b'data: {"err\\u006fr":{"message":"the worker died"}}\n\n',
    "an event named error": b'event: error\ndata: {"message":"the worker died"}\n\n',
    "a list of errors": b'data: {"errors":[{"message":"the worker died"}]}\n\n',
    "an error in a list": b'data: [{"error":{"message":"the worker died"}}]\n\n',
    "a status and a msg": b'data: {"status":"435","msg":"the worker died","body":null}\n\n',
    "a detail": b'data: {"detail":"the worker died"}\n\n',
    "a fault": b'data: {"fault":{"faultstring":"the worker died"}}\n\n',
    "words": b"data: the worker died\n\n",
    "choices that are a text": b'data: {"choices":"the worker died"}\n\n',
    "JSON without end": b"data: " + b'{"choices":[' * 5000 + b"\n\n",
    "broken JSON": b'data: {"choices":[{"index":0,"delta":{"content":"the wo\n\n',
    "a field named error": b'error: {"message":"the worker died"}\n\n',
    "an object on a line of its own": b'{"error":{"message":"the worker died"}}\n\n',
    "a page": b"<html><title>502 Bad Gateway</title></html>\n\n",
}
"""What services put into a stream when they fail, by the names that a failed test shows."""

HARMLESS: dict[str, bytes] = {
    "a comment": b": ping\n\n",
    "blank lines": b"\n\n\n\n",
    "a named ping": b"event: ping\ndata: {}\n\n",
    "an id and a time": b"id: 5\nretry: 1000\n\n",
    "an empty event": b"data:\n\n",
    "no choices": b'data: {"id":"chatcmpl-1","object":"chat.completion.chunk","choices":[]}\n\n',
}
"""What they put there meanwhile."""


class Form(Struct, frozen=True):
    """How a protocol's answer is cut into pieces: what ends each, and what else a service may put between them."""

    end: re.Pattern[bytes]
    tail: bytes
    failures: dict[str, bytes]
    harmless: dict[str, bytes]


EVENTS = Form(re.compile(rb"\r\n\r\n|\n\n|\r\r"), b"\n\n", FAILURES, HARMLESS)
"""Server-sent events, or one document."""


class Mutant(Struct, frozen=True):
    """A changed body, written when it is tried. `name` says what was done to what.

    `cut`: its end is missing. `fails`: the service says that it failed. `same`: nothing of it is different.
    """

    name: str
    write: Callable[[], bytes]
    cut: bool = False
    fails: bool = False
    same: bool = False


class Body(Struct, frozen=True):
    """An answer as pieces, of which some hold JSON: each of `values` has its piece, what stands before it, and it."""

    form: Form
    pieces: tuple[bytes, ...]
    values: tuple[tuple[int, bytes, Any], ...]

    @property
    def chunks(self) -> int:
        """How many pieces hold choices, though their JSON may be broken."""
        return sum(b'"choices"' in piece for piece in self.pieces)

    def written(self, changed: dict[int, Change]) -> bytes:
        """The bytes, with some pieces' JSON written anew."""
        pieces = list(self.pieces)
        for number, mark, value in self.values:
            if number in changed:
                pieces[number] = mark + changed[number](value).encode("utf-8", "surrogatepass") + self.form.tail
        return b"".join(pieces)


def body(data: bytes, form: Form) -> Body:
    """An answer taken apart."""
    ends = [0, *(found.end() for found in form.end.finditer(data)), len(data)]
    pieces = tuple(data[begin:end] for begin, end in pairwise(ends) if begin < end)
    values = []
    for number, piece in enumerate(pieces):
        mark = b"data: " if piece.startswith(b"data: ") else b""
        try:
            value = json.loads(piece.removeprefix(mark))
        except ValueError:
            continue
        if isinstance(value, dict):
            values.append((number, mark, value))
    return Body(form, pieces, tuple(values))


def mutants(data: bytes, seed: int, form: Form = EVENTS) -> Iterator[Mutant]:
    """All that is tried on one answer. The same for the same seed."""
    whole = body(data, form)
    yield from _fields(whole)
    yield from _everywhere(whole)
    yield from _moved(whole.pieces, random.Random(seed))
    yield from _foreign(whole)
    yield from (Mutant(f"cut at {at}", partial(_begun, data, at), cut=True) for at in range(1, len(data)))


def _begun(data: bytes, size: int) -> bytes:
    return data[:size]


def _fields(whole: Body) -> Iterator[Mutant]:
    """Each field of each event alone."""
    for number, _, value in whole.values:
        for path in paths(value):
            if path[0] == "choices" and path[2:] == ("index",):
                continue  # an event of another choice is nobody's
            for what, change in _changes(value, path):
                yield Mutant(f"event {number}, {spelt(path)}: {what}", partial(whole.written, {number: change}))


def _everywhere(whole: Body) -> Iterator[Mutant]:
    """The same field in every event that has it, as a service that means it so would write it."""
    for path in dict.fromkeys(path for _, _, value in whole.values for path in paths(value)):
        changed: dict[str, dict[int, Change]] = {}
        for number, _, value in whole.values:
            for what, change in _changes(value, path):
                changed.setdefault(what, {})[number] = change
        for what, changes in changed.items():
            # An index in some events only would make two choices of one.
            if len(changes) > 1 and (path[-1] != "index" or len(changes) == whole.chunks):
                yield Mutant(f"every event, {spelt(path)}: {what}", partial(whole.written, changes))


def _moved(pieces: Sequence[bytes], rng: random.Random) -> Iterator[Mutant]:
    """Events doubled, left out, and in another order."""
    for at in range(len(pieces)):
        yield Mutant(f"event {at} doubled", partial(b"".join, [*pieces[: at + 1], *pieces[at:]]))
        yield Mutant(f"event {at} left out", partial(b"".join, [*pieces[:at], *pieces[at + 1 :]]))
    for number in range(len(pieces) if len(pieces) > 1 else 0):
        yield Mutant(f"order {number}", partial(b"".join, rng.sample(pieces, len(pieces))))


def _foreign(whole: Body) -> Iterator[Mutant]:
    """Events that are no part of the answer, at each place: of failures, those before its reason to stop."""
    pieces = whole.pieces
    if len(whole.values) < 2:
        return  # a document
    ends = [number for number, _, value in whole.values if '"finish_reason": "' in json.dumps(value)]
    for place in range(1 if pieces[0].startswith(BOM) else 0, len(pieces)):
        for name, event in whole.form.harmless.items():
            yield Mutant(f"{name} before event {place}", partial(_inserted, pieces, place, event), same=True)
        for name, event in whole.form.failures.items() if place <= min(ends, default=len(pieces) - 1) else ():
            yield Mutant(f"{name} before event {place}", partial(_inserted, pieces, place, event), fails=True)


def _inserted(pieces: Sequence[bytes], place: int, event: bytes) -> bytes:
    return b"".join([*pieces[:place], event, *pieces[place:]])


def _changes(value: Any, path: Path) -> Iterator[tuple[str, Change]]:
    """What can be done to the field at `path` of an event, if it has one."""
    found = at(value, path)
    if found is _ABSENT:
        return
    others = {name: other for name, other in OTHERS.items() if other != found or type(other) is not type(found)}
    for name, other in {
        **others,
        "in a list": [found],
        "twice in a list": [found] * 2,
        "in an object": {"x": found},
    }.items():
        yield name, partial(_changed, path, other)
    if isinstance(path[-1], str):
        yield "left out", partial(_changed, path, _ABSENT)
        yield "twice", partial(_twice, path)


class _Absent:
    """What is not there."""


_ABSENT = _Absent()
_MARK = "\ue000"


def paths(value: Any, above: Path = ()) -> Iterator[Path]:
    """The way to each field, at any depth."""
    items: Sequence[tuple[str | int, Any]] = (
        list(value.items()) if isinstance(value, dict) else list(enumerate(value)) if isinstance(value, list) else []
    )
    for key, below in items:
        yield (*above, key)
        yield from paths(below, (*above, key))


def at(value: Any, path: Path) -> Any:
    """What stands at `path`; `_ABSENT` if nothing does."""
    for key in path:
        match value, key:
            case dict(), str() if key in value:
                value = value[key]
            case list(), int() if key < len(value):
                value = value[key]
            case _:
                return _ABSENT
    return value


def spelt(path: Path) -> str:
    """`choices[0].delta`."""
    return "".join(f"[{key}]" if isinstance(key, int) else f".{key}" for key in path).removeprefix(".")


def _with(value: Any, path: Path, other: Any) -> Any:
    key, *rest = path
    if isinstance(value, dict):
        if not rest and other is _ABSENT:
            return {name: below for name, below in value.items() if name != key}
        return {name: _put(below, rest, other) if name == key else below for name, below in value.items()}
    return [_put(below, rest, other) if place == key else below for place, below in enumerate(value)]


def _put(value: Any, path: Sequence[str | int], other: Any) -> Any:
    return _with(value, tuple(path), other) if path else other


def _text(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def _changed(path: Path, other: Any, value: Any) -> str:
    return _text(_with(value, path, other))


def _twice(path: Path, value: Any) -> str:
    """The field twice in its object, which a dictionary cannot hold: once with a mark, which is taken off again."""
    *above, key = path
    holder = at(value, tuple(above))
    doubled = {f"{key}{_MARK}" if name == key else name: below for name, below in holder.items()} | {key: holder[key]}
    return _text(_put(value, above, doubled)).replace(_MARK, "")
