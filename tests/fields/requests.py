"""Every leaf of a request, through a pair: the caller's half reads the request, the service's half writes it."""

import json
from collections.abc import Iterator
from functools import cache
from typing import Any

from msgspec import Raw, Struct, to_builtins

from dragoman.engine.draft import draft
from dragoman.errors import DragomanError
from dragoman.protocols.base import ClientCodec, ServerCodec
from dragoman.protocols.registry import DIALECTS as CODECS
from dragoman.types import ChatRequest, ServerRequest
from tests.fields.dialects import DIALECTS
from tests.fields.fate import Place, Sent, Written, arrived, field_of, leaves, named, places
from tests.fields.schema import Leaf, Walk
from tests.fields.tables import EQUIVALENTS, SILENT, Row
from tests.support.env import fixed_env

URL = "http://service.example"


@cache
def leaves_of(caller: str) -> tuple[Leaf, ...]:
    """All leaves of the caller's requests."""
    dialect = DIALECTS[caller]
    return tuple(Walk(dialect.samples).leaves(dialect.root))


def plain(value: object) -> Any:
    """A value of ours as dictionaries and lists; JSON that is kept as it came is read."""
    return to_builtins(value, enc_hook=_read)


def _read(value: object) -> Any:
    if isinstance(value, Raw):
        return json.loads(bytes(value))
    raise NotImplementedError(type(value))


def decoded(caller: str, body: Any) -> ChatRequest:
    """What the caller's half reads. Raises DragomanError."""
    made: Any = CODECS[caller].server
    server: ServerCodec = made()
    dialect = DIALECTS[caller]
    sent = json.dumps(dialect.dress(body)).encode()
    return server.decode_request(ServerRequest(method="POST", path=dialect.path, body=sent))


@cache
def client_of(service: str) -> ClientCodec:
    made: Any = CODECS[service].client
    codec: ClientCodec = made(URL)
    return codec


def sent(service: str, request: ChatRequest) -> Sent:
    """What the service's half makes of it."""
    found = draft(service, client_of(service), request, fixed_env(), strict=False)
    lost = frozenset(loss.name for loss in found.losses)
    if found.error is not None:
        return Sent(Written(), lost, f"{found.error} {found.error.param or ''}")
    assert found.request is not None
    written = Written(leaves(json.loads(found.request.body)))
    written["url", found.request.url] += 1
    return Sent(written, lost)


class Asked(Struct, frozen=True):
    """A leaf, and what the caller's half reads."""

    leaf: Leaf
    request: ChatRequest
    without: ChatRequest | None
    """None if the request is refused without the leaf."""
    places: tuple[Place, ...]
    """Where the leaf stands in the request."""


class Requests:
    """The requests of one caller, each decoded once."""

    def __init__(self, caller: str) -> None:
        self.refused: dict[str, str] = {}
        """Paths of leaves whose request the caller's half refuses, and why."""
        self.asked: list[Asked] = []
        self._caller = caller
        self._known: dict[str, ChatRequest | None] = {}
        for leaf in leaves_of(caller):
            try:
                request = decoded(caller, leaf.body)
            except DragomanError as exc:
                self.refused[leaf.path] = str(exc)
                continue
            without = self._without(leaf)
            at = places(leaf.mark, plain(request), plain(without))
            self.asked.append(Asked(leaf, request, without, tuple(at)))

    def _without(self, leaf: Leaf) -> ChatRequest | None:
        key = json.dumps(leaf.without)
        if key not in self._known:
            try:
                self._known[key] = decoded(self._caller, leaf.without)
            except DragomanError:
                self._known[key] = None
        return self._known[key]


@cache
def requests_of(caller: str) -> Requests:
    """The same object for each service."""
    return Requests(caller)


class Pair:
    """The requests of a caller, as a service gets them."""

    def __init__(self, caller: str, service: str) -> None:
        self.name = (caller, service)
        self._bare: dict[int, Sent] = {}
        """What was sent without a leaf, by the identity of the request."""
        self._sent: dict[int, Sent] = {}

    def asked(self) -> list[Asked]:
        """All that the caller's half reads."""
        return requests_of(self.name[0]).asked

    def is_missed(self, asked: Asked) -> bool:
        """Whether the leaf neither arrives nor is named."""
        got, before = self._both(asked)
        field = field_of(asked.leaf.path)
        return not arrived(asked.leaf.mark, field, got, before) and not named(asked.leaf, got, asked.places)

    def stands_for(self, row: Row, asked: Asked) -> bool:
        """Whether what `row` names stands in what is sent because of the leaf."""
        got, before = self._both(asked)
        return row.written in got.written - before.written

    def _both(self, asked: Asked) -> tuple[Sent, Sent]:
        key = id(asked)
        if key not in self._sent:
            self._sent[key] = sent(self.name[1], asked.request)
        return self._sent[key], self._without(asked.without)

    def _without(self, request: ChatRequest | None) -> Sent:
        if request is None:
            return Sent(Written())
        if id(request) not in self._bare:
            self._bare[id(request)] = sent(self.name[1], request)
        return self._bare[id(request)]


@cache
def pair_of(caller: str, service: str) -> Pair:
    """The same object each time."""
    return Pair(caller, service)


def missed(pair: Pair) -> Iterator[str]:
    """The paths of all leaves that neither arrive nor are named, and that no table explains."""
    for asked in pair.asked():
        path = asked.leaf.path
        if not pair.is_missed(asked) or any(row.holds(*pair.name, path) for row in SILENT):
            continue
        if not any(row.holds(*pair.name, path) and pair.stands_for(row, asked) for row in EQUIVALENTS):
            yield path
