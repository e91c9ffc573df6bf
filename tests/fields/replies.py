"""Every leaf of an answer, through a pair: the service's half reads the answer, the caller's half writes it.

An answer is one body, or a stream of events: see `answers` and `streams`.
"""

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cache
from typing import Any, Literal

from msgspec import Struct

from dragoman.errors import DragomanError
from dragoman.protocols.answer_losses import answer_losses
from dragoman.protocols.base import ServerCodec
from dragoman.protocols.registry import DIALECTS as CODECS
from dragoman.protocols.speech import PARTS
from dragoman.types import ChatRequest, ChatResponse, StreamEvent, fold, unfold, user
from tests.fields.answers import ANSWERS
from tests.fields.fate import STEPS, Place, Sent, Written, arrived, field_of, leaves, places, told_of
from tests.fields.reply_tables import EQUIVALENTS, SILENT
from tests.fields.requests import client_of, plain
from tests.fields.schema import Leaf, Walk
from tests.fields.tables import Row
from tests.recorded.plain import events_of
from tests.support.cuts import drive
from tests.support.env import fixed_env

Form = Literal["whole", "streamed"]
STREAMED = ChatRequest(model="m", messages=(user("hi"),))
ASKED = ChatRequest(model="m", messages=(user("hi"),), stream=False)


class Answered(Struct, frozen=True):
    """A leaf, and what the service's half reads."""

    leaf: Leaf
    events: list[StreamEvent]
    without: list[StreamEvent] | None
    """None if the answer cannot be read without the leaf."""
    places: tuple[Place, ...]
    """Where the leaf stands in the answer: `text`, `citations` … for what is in a part."""


class Replies:
    """The answers of one service, each decoded once; `written`: the bytes of one."""

    def __init__(self, service: str, leaves: Iterable[Leaf], written: Callable[[Any], bytes]) -> None:
        self.refused: dict[str, str] = {}
        """Paths of leaves whose answer the service's half refuses, and why."""
        self.answered: list[Answered] = []
        self._service = service
        self._written = written
        self._known: dict[str, list[StreamEvent] | None] = {}
        for leaf in leaves:
            try:
                events = self._decoded(leaf.body)
            except DragomanError as exc:
                self.refused[leaf.path] = str(exc)
                continue
            without = self._without(leaf.without)
            response = fold(events)
            at = places(leaf.mark, plain(response), self._folded(without))
            if not at and leaf.around is not None:
                at = places(leaf.mark, plain(response), self._folded(self._without(leaf.around)))
            self.answered.append(Answered(leaf, events, without, tuple(of_kinds(response, at))))

    def _decoded(self, body: Any) -> list[StreamEvent]:
        decoder = client_of(self._service).decoder(ASKED)
        events, _ = drive(decoder, [self._written(body)])
        if decoder.error is not None:
            raise decoder.error
        return events

    def _folded(self, events: list[StreamEvent] | None) -> Any:
        return None if events is None else plain(fold(events))

    def _without(self, body: Any) -> list[StreamEvent] | None:
        key = json.dumps(body)
        if key not in self._known:
            try:
                self._known[key] = self._decoded(body)
            except DragomanError:
                self._known[key] = None
        return self._known[key]


def of_kinds(response: ChatResponse, at: list[Place]) -> Iterator[Place]:
    """The places, each with the kind of its part for its number."""
    for place in at:
        match place:
            case ("parts", number, "logprobs", *_, field):
                yield (PARTS[type(response.parts[int(number)])], "logprobs", field)
            case ("parts", number, *rest):
                yield (PARTS[type(response.parts[int(number)])], *rest)
            case ("native_finish_reason",):
                yield ("finish_reason",)
            case ("losses", number, *_):
                name = response.losses[int(number)].name.removeprefix("answer.")
                yield tuple(step for step in STEPS.split(name) if step)
            case _:
                yield place


@cache
def replies_of(service: str) -> Replies:
    """Those in one body; the same object for each caller."""
    answers = ANSWERS[service]
    leaves = Walk(answers.samples).leaves(answers.root)
    return Replies(service, leaves, lambda body: json.dumps(answers.dress(body)).encode())


@cache
def server_of(caller: str) -> ServerCodec:
    made: Any = CODECS[caller].server
    codec: ServerCodec = made()
    return codec


def told(caller: str, events: list[StreamEvent], form: Form) -> Sent:
    """What the caller's half makes of the answer."""
    codec, response = server_of(caller), fold(events)
    given = unfold(response) if form == "whole" else events
    lost = (*response.losses, *answer_losses(given, codec.expresses, codec.name, codec.family))
    names = frozenset(loss.name.removeprefix("answer.") for loss in lost)
    try:
        if form == "whole":
            said: Any = json.loads(codec.encode_response(response, ASKED, fixed_env()).body)
        else:
            said = events_of(codec.encoder(STREAMED, fixed_env()).send(events))
    except DragomanError as exc:
        return Sent(Written(), names, str(exc))
    return Sent(Written(leaves(said)), names)


class Telling:
    """The answers of a service, as a caller gets them."""

    def __init__(self, replies: Replies, service: str, caller: str, form: Form) -> None:
        self.name = (service, caller)
        self._replies = replies
        self._form = form
        self._bare: dict[int, Sent] = {}
        """What was told without a leaf, by the identity of the answer."""
        self._told: dict[int, Sent] = {}

    def answered(self) -> list[Answered]:
        """All that the service's half reads."""
        return self._replies.answered

    def is_missed(self, answered: Answered) -> bool:
        """Whether the leaf neither arrives nor is named."""
        got, before = self._both(answered)
        leaf = answered.leaf
        return not arrived(leaf.mark, field_of(leaf.path), got, before) and not told_of(leaf, got, answered.places)

    def stands_for(self, row: Row, answered: Answered) -> bool:
        """Whether what `row` names is told because of the leaf."""
        got, before = self._both(answered)
        return row.written in got.written - before.written

    def _both(self, answered: Answered) -> tuple[Sent, Sent]:
        key = id(answered)
        if key not in self._told:
            self._told[key] = told(self.name[1], answered.events, self._form)
        return self._told[key], self._without(answered.without)

    def _without(self, events: list[StreamEvent] | None) -> Sent:
        if events is None:
            return Sent(Written())
        if id(events) not in self._bare:
            self._bare[id(events)] = told(self.name[1], events, self._form)
        return self._bare[id(events)]


@cache
def telling_of(service: str, caller: str, form: Form) -> Telling:
    """The same object each time."""
    return Telling(replies_of(service), service, caller, form)


def missed(telling: Telling, silent: Sequence[Row] = SILENT, equivalents: Sequence[Row] = EQUIVALENTS) -> Iterator[str]:
    """The paths of all leaves that are neither told nor named, and that no table explains."""
    for answered in telling.answered():
        path = answered.leaf.path
        if not telling.is_missed(answered) or any(row.holds(*telling.name, path) for row in silent):
            continue
        if not any(row.holds(*telling.name, path) and telling.stands_for(row, answered) for row in equivalents):
            yield path


def is_needed(row: Row, telling: Telling) -> bool:
    """Whether there is a leaf that is missed and that the row explains."""
    return any(
        telling.is_missed(answered) and (row.written is None or telling.stands_for(row, answered))
        for answered in telling.answered()
        if row.holds(*telling.name, answered.leaf.path)
    )
