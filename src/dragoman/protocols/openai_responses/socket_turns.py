"""The conversation of one WebSocket: what its messages ask, each as the body of a request over HTTP.

A message is `{"type": "response.create", …}` with the fields of a request. The first may say `"generate": false`: then
nothing is to be said yet. Later ones bring new items alone, and name the answer before them by `previous_response_id`,
although it is not stored: what was said so far belongs to the connection. So it is kept here, as it came, and put in
front of the new items: the service gets the same beginning in each request, byte for byte. If the first request named
an answer that was given elsewhere, each later one does, too.

A message may name a lane by `stream_id`, as the vendor's client does for several conversations on one connection: then
all events of its answer name it, too. Lanes are answered at the same time, and the turns of one after each other. A
message that would add to an answer under way (`response.steer`, `response.inject`) is told at once that this was not
done, and gets its input back.
"""

from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import Any, TypeVar

import msgspec
from msgspec import Raw, Struct

from dragoman.errors import BadEventError, InvalidRequestError
from dragoman.protocols.json_fields import Fields, refused, wrong_type
from dragoman.protocols.openai_responses.compaction import wants_compaction
from dragoman.protocols.openai_responses.events import CREATED, ENDS, ERROR, FAILED, ITEM_DONE, name_of
from dragoman.wire import floats, json
from dragoman.wire.sse import SseEvent

CREATE, PREVIOUS = "response.create", "previous_response_id"
LANE = "stream_id"
OF_MESSAGE = frozenset({"type", "generate", LANE})
"""Fields of a message that no request over HTTP has."""
NULL = Raw(b"null")
MAX_LANES, MAX_NAME = 64, 256
"""Lanes that are remembered, and letters of a lane's name, which each event repeats."""
MAX_TRIGGER = 100
"""Bytes of the item that asks for compaction, with any blanks in it."""
WHOLE = frozenset({"completed", "incomplete"})
"""How an answer may end that the conversation goes on from."""

NOTED = frozenset(name.encode() for name in (ITEM_DONE, ERROR, FAILED, *CREATED, *ENDS))
"""Events that a turn looks into. The others are a hundred times as many."""

T = TypeVar("T")

_fields = msgspec.json.Decoder(dict[str, Raw]).decode
_items = msgspec.json.Decoder(list[Raw]).decode


class _Named(Struct):
    id: str = ""
    output: Raw = Raw()


class _Item(Struct):
    item: Raw


class _Ended(Struct):
    response: _Named


class _Routed(Struct):
    type: Any = None
    stream_id: Any = None


_routed = floats.reader(_Routed)
_item = msgspec.json.Decoder(_Item).decode
_ended = msgspec.json.Decoder(_Ended).decode


class Turn:
    """One message: what it asks, and what came of it so far."""

    def __init__(self, lane: str = "") -> None:
        self.lane = lane
        """What its events name; empty: nothing."""
        self.body = b""
        """That of a request for a stream."""
        self.generate = True
        """False if nothing is to be said yet."""
        self.refusal = b""
        """The event that answers the message, if it makes no request."""
        self.over = False
        """Whether its last event has come."""
        self.error = b""
        """The event that says why the answer broke off, if another one is to say it once more."""
        self.spoilt = False
        """Whether something of the answer could not be read: what goes on from it would have lost that."""
        self.answer_id = ""
        self.before = NULL
        """The id of the answer that it goes on from, which was given elsewhere."""
        self.asked: list[Raw] = []
        """All items of the request."""
        self.output: list[Raw] = []
        """The items of the answer."""

    def event(self, data: bytes) -> bytes:
        """`data`, an event as a JSON object, with the name of the lane in front, if there is one."""
        if not self.lane or not data[1:].lstrip().startswith(b'"'):
            return data
        return b'{"%b":%b,%b' % (LANE.encode(), json.encode(self.lane), data[1:])


class _Said(Struct, frozen=True):
    """How far the conversation of a lane has come."""

    last: str
    """The id of the last answer."""
    items: list[Raw]
    """All items up to the end of that answer."""
    before: Raw
    """The id of the answer that they go on from, which was given elsewhere."""
    size: int


class SocketTurns:
    """The turns of one connection. `model`: what is asked, whatever a message names; empty: that."""

    def __init__(self, max_body: int, model: str = "") -> None:
        self._max_body = max_body
        self._model = model
        self._lanes: dict[str, _Said] = {}
        """The conversations, that of the latest answer last."""
        self._left: dict[str, _Said] = {}
        """Each of them up to the answer before: a message that forks from there may have waited for the latest one."""
        self._under_way: dict[str, Turn] = {}
        """The turns whose answers have begun, by the lanes."""

    def read(self, text: str, lane: str | None) -> Turn:
        """The turn that a message in this lane begins. Raises InvalidRequestError, also if it is no request."""
        return self.reading(text, lane)()

    def reading(self, text: str, lane: str | None) -> Callable[[], Turn]:
        """The same as a function for any thread: it knows what is known now."""
        own = self._lanes.get(lane or "")
        said = (*(() if own is None else (own,)), *self._lanes.values(), *self._left.values())
        given = {turn.answer_id: name for name, turn in self._under_way.items()}
        ended = {each.last: name for name, each in self._lanes.items()}
        return partial(_turn, text, lane or "", said, ended | given, max_body=self._max_body, model=self._model)

    @property
    def longest(self) -> int:
        """Bytes of the longest conversation that a message may go on from."""
        return max((each.size for each in self._lanes.values()), default=0)

    def note(self, turn: Turn, event: SseEvent) -> bool:
        """Notes what an event of its answer adds to a turn.

        Whether the event is to be sent. A turn has one end: the vendor's client takes a second one for the end of the
        next turn. Of an answer that breaks off it is `response.failed`, or else the `error` that stands before that.
        """
        if event.event and event.event not in NOTED:
            return True
        try:
            name = name_of(event.event, event.data)
            if name == ITEM_DONE:
                turn.output.append(_read(_item, event.data).item)
            elif name in CREATED:
                turn.answer_id = _read(_ended, event.data).response.id
                self._under_way[turn.lane] = turn
            elif name == ERROR:
                turn.error = event.data
                return False
            elif name in ENDS or name == FAILED:
                if turn.over:
                    return False
                turn.over = True
                if ENDS.get(name) in WHOLE:
                    response = _read(_ended, event.data).response
                    turn.output = max(turn.output, _listed(response.output), key=len)
                    self.ended(turn, response.id)
        except (BadEventError, *json.NOT_STRICT):
            turn.spoilt = True
            self._forget(turn.lane)
        return True

    def leave(self, turn: Turn) -> None:
        """Nothing more comes for this turn."""
        self._under_way.pop(turn.lane, None)

    def ended(self, turn: Turn, answer_id: str) -> None:
        """The answer is whole, and has this id. A conversation that was compacted goes on from the answer alone."""
        if turn.asked and _compacts(turn.asked[-1]):
            turn.before, turn.asked = NULL, []
        left = self._lanes.get(turn.lane)
        self._forget(turn.lane)
        if left is not None:
            self._left[turn.lane] = left
        if answer_id and not turn.spoilt:
            items = [*turn.asked, *turn.output]
            self._lanes[turn.lane] = _Said(answer_id, items, turn.before, _size(items))
        turn.asked, turn.output = [], []
        while self._left and self._is_full():
            del self._left[next(iter(self._left))]  # a request that refers to it goes on as it came
        while len(self._lanes) > MAX_LANES or (len(self._lanes) > 1 and self._is_full()):
            self._forget(next(iter(self._lanes)))

    def _forget(self, lane: str) -> None:
        self._lanes.pop(lane, None)
        self._left.pop(lane, None)

    def _is_full(self) -> bool:
        kept = (*self._lanes.values(), *self._left.values())
        if sum(each.size for each in kept) <= self._max_body:
            return False
        # A fork has the items of its origin, and they are in memory once.
        return _size({id(item): item for each in kept for item in each.items}.values()) > self._max_body


def _turn(text: str, lane: str, known: Iterable[_Said], lanes: Mapping[str, str], *, max_body: int, model: str) -> Turn:
    """The turn that a message begins.

    `known`: the conversations that it may go on from, that of its lane first. `lanes`: those of answers, by their ids.
    `model`: see SocketTurns.
    """
    data = text.encode("utf-8", "replace")
    value = json.decode_request(data)
    if not isinstance(value, dict):
        raise wrong_type("the message", "an object", value)
    turn = Turn(lane)
    if (refusal := _refusal(value)) is not None:
        answer_id = value.get(TARGETS[value["type"]])  # what would add to an answer names no lane itself
        turn.lane = lanes.get(answer_id, "") if isinstance(answer_id, str) else ""
        turn.refusal = turn.event(json.encode(refusal))
        return turn
    if value.get("type") != CREATE:
        raise InvalidRequestError(f"type: expected {CREATE!r}", param="type")
    turn.lane = Fields(value).text(LANE) or ""
    if len(turn.lane) > MAX_NAME:
        raise refused(LANE, f"expected at most {MAX_NAME} letters, got {len(turn.lane)}")
    turn.generate = Fields(value).boolean("generate") is not False
    fields = {name: said for name, said in _fields(data).items() if name not in OF_MESSAGE}
    turn.asked = _input(fields.get("input", Raw(b"[]")))
    turn.before = fields.pop(PREVIOUS, NULL)
    said = next((each for each in known if each.last == value.get(PREVIOUS)), None)
    if said is not None:
        turn.before, turn.asked = said.before, [*said.items, *turn.asked]
    if turn.before != NULL:
        fields[PREVIOUS] = turn.before
    if model:
        fields["model"] = Raw(json.encode(model))
    fields["input"], fields["stream"] = Raw(b"[%b]" % b",".join(turn.asked)), Raw(b"true")
    turn.body = json.encode(fields)
    if len(turn.body) > max_body:
        raise InvalidRequestError(
            f"expected a conversation of at most {max_body} bytes", status=413, code="request_too_large"
        )
    return turn


def _size(items: Iterable[Raw]) -> int:
    return sum(memoryview(item).nbytes for item in items)


def _read(decode: Callable[[bytes], T], data: bytes) -> T:
    """An event without halves of characters, which no request may have. Raises BadEventError or one of NOT_STRICT."""
    try:
        return decode(data)
    except json.NOT_STRICT:
        return decode(json.encode(json.decode_event(data)))


TARGETS = {"response.steer": PREVIOUS, "response.inject": "response_id"}
"""Messages that would add to an answer, and the field of each that names it."""
SPECIAL = (LANE, *TARGETS)
NOT_ADDED = "nothing can be added to an answer under way: send the input in the next request"


def lane_of(text: str) -> str | None:
    """The lane of a message, which is empty if it names none; None if it asks nothing, and has not to wait."""
    if not any(name in text for name in SPECIAL):
        return ""  # a large one, as a rule, of which each look costs a millisecond
    try:
        found = _routed(text)
    except json.NOT_STRICT:
        return ""  # it will be refused
    if isinstance(found.type, str) and found.type in TARGETS:
        return None
    return found.stream_id if isinstance(found.stream_id, str) and len(found.stream_id) <= MAX_NAME else ""


def _refusal(value: dict[str, Any]) -> dict[str, Any] | None:
    """The event that gives back what cannot be added to the answer under way; None for a message of another kind."""
    error = {"type": "invalid_request_error", "message": NOT_ADDED}
    match value.get("type"):
        case "response.steer":
            steer = {name: value.get(name) for name in ("input", PREVIOUS)}
            said: dict[str, Any] = {"error": error | {"code": "steering_not_supported"}, "steer": steer}
        case "response.inject":
            beside = {name: value.get(name) for name in ("input", "response_id")}
            said = {"error": error | {"code": "response_already_completed"}} | beside
        case _:
            return None
    return {"type": f"{value['type']}.failed", "sequence_number": 0} | said


def _listed(output: Raw) -> list[Raw]:
    """The items of an answer as its end repeats them: some services name an item nowhere else. Most repeat none."""
    try:
        return _items(bytes(output))
    except json.NOT_STRICT:
        return []


def _compacts(item: Raw) -> bool:
    """Whether a request with this last item is to be compacted."""
    data = bytes(item)
    return len(data) <= MAX_TRIGGER and wants_compaction([json.decode_request(data)])


def _input(value: Raw) -> list[Raw]:
    """The items of a request: a text is one."""
    data = bytes(value).strip()
    if data.startswith(b'"'):
        return [Raw(b'{"type":"message","role":"user","content":%b}' % data)]
    try:
        return _items(data)
    except json.NOT_STRICT as exc:
        raise InvalidRequestError("input: expected a text or a list of items", param="input") from exc


def warm(response: dict[str, Any]) -> tuple[bytes, bytes]:
    """The events of an answer to a request for which nothing is to be said yet. `response`: the answer as it begins."""
    created = {"type": "response.created", "response": response, "sequence_number": 0}
    done = response | {"status": "completed"}
    completed = {"type": "response.completed", "response": done, "sequence_number": 1}
    return json.encode(created), json.encode(completed)
