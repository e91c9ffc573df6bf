"""The conversation of one WebSocket: what its messages ask, each as the body of a request over HTTP.

A message is `{"type": "response.create", …}` with the fields of a request. The first may say `"generate": false`: then
nothing is to be said yet. Later ones bring new items alone, and name the answer before them by `previous_response_id`,
although it is not stored: what was said so far belongs to the connection. So it is kept here, as it came, and put in
front of the new items: the service gets the same beginning in each request, byte for byte. If the first request named
an answer that was given elsewhere, each later one does, too.

A message may name a lane by `stream_id`, as the vendor's client does for several conversations on one connection: then
all events of its answer name it, too. Lanes are answered one after another. A message that would add to the answer
under way (`response.steer`, `response.inject`) is told that this was not done, and gets its input back.
"""

from collections.abc import Callable
from typing import Any, TypeVar

import msgspec
from msgspec import Raw, Struct

from dragoman.errors import BadEventError, InvalidRequestError
from dragoman.protocols.json_fields import Fields, refused, wrong_type
from dragoman.protocols.openai_responses.compaction import wants_compaction
from dragoman.protocols.openai_responses.events import ENDS, ITEM_DONE, name_of
from dragoman.wire import json
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


_item = msgspec.json.Decoder(_Item).decode
_ended = msgspec.json.Decoder(_Ended).decode


class Turn(Struct, frozen=True):
    """What a message asks."""

    body: bytes
    """That of a request for a stream."""
    generate: bool
    """False if nothing is to be said yet."""
    refusal: bytes = b""
    """The event that answers the message, if it makes no request."""


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
    """The turns of one connection, one after another. `model`: what is asked, whatever a message names; empty: that."""

    def __init__(self, max_body: int, model: str = "") -> None:
        self._max_body = max_body
        self._model = model
        self._lanes: dict[str, _Said] = {}
        """The conversations, that of the latest answer last."""
        self._left: dict[str, _Said] = {}
        """Each of them up to the answer before: a message that forks from there may have waited for the latest one."""
        self._lane = ""
        """The lane of the request under way; empty if it named none."""
        self._before = NULL
        """The id of the answer that it goes on from, which was given elsewhere."""
        self._asked: list[Raw] = []
        """All items of the request under way."""
        self._output: list[Raw] = []
        """The items of its answer."""

    def read(self, text: str) -> Turn:
        """The request that a message makes. Raises InvalidRequestError, also if it is no request."""
        data = text.encode("utf-8", "replace")
        self._lane = ""  # an error in this message names its lane alone
        value = json.decode_request(data)
        if not isinstance(value, dict):
            raise wrong_type("the message", "an object", value)
        if (refusal := _refusal(value)) is not None:
            self._lane = self._lane_of(value.get(TARGETS[value["type"]]))
            return Turn(b"", generate=False, refusal=self.event(json.encode(refusal)))
        if value.get("type") != CREATE:
            raise InvalidRequestError(f"type: expected {CREATE!r}", param="type")
        lane = Fields(value).text(LANE)
        if lane is not None and len(lane) > MAX_NAME:
            raise refused(LANE, f"expected at most {MAX_NAME} letters, got {len(lane)}")
        self._lane = lane or ""
        generate = Fields(value).boolean("generate")
        fields = {name: said for name, said in _fields(data).items() if name not in OF_MESSAGE}
        new = _input(fields.get("input", Raw(b"[]")))
        before = fields.pop(PREVIOUS, NULL)
        said = self._known(value.get(PREVIOUS))
        if said is not None:
            before, new = said.before, [*said.items, *new]
        if before != NULL:
            fields[PREVIOUS] = before
        if self._model:
            fields["model"] = Raw(json.encode(self._model))
        self._before, self._asked, self._output = before, new, []
        fields["input"], fields["stream"] = Raw(b"[%b]" % b",".join(map(bytes, new))), Raw(b"true")
        body = json.encode(fields)
        if len(body) > self._max_body:
            raise InvalidRequestError(
                f"expected a conversation of at most {self._max_body} bytes", status=413, code="request_too_large"
            )
        return Turn(body, generate is not False)

    def _known(self, answer_id: object) -> _Said | None:
        """The conversation up to this answer: of its own lane, or of one from which the lane forks."""
        own = self._lanes.get(self._lane)
        known = (*(() if own is None else (own,)), *self._lanes.values(), *self._left.values())
        return next((each for each in known if each.last == answer_id), None)

    def _lane_of(self, answer_id: object) -> str:
        """The lane that this answer was given in: what would add to an answer names no lane itself."""
        return next((lane for lane, said in self._lanes.items() if said.last == answer_id), "")

    def note(self, event: SseEvent) -> None:
        """Notes what an event of the answer adds to the conversation. What cannot be read adds nothing."""
        try:
            name = name_of(event.event, event.data)
            if name == ITEM_DONE:
                self._output.append(_read(_item, event.data).item)
            elif ENDS.get(name) in WHOLE:
                response = _read(_ended, event.data).response
                self._output = max(self._output, _listed(response.output), key=len)
                self.ended(response.id)
        except (BadEventError, *json.NOT_STRICT):
            self._forget(self._lane)

    def ended(self, answer_id: str) -> None:
        """The answer is whole, and has this id. A conversation that was compacted goes on from the answer alone."""
        if self._asked and _compacts(self._asked[-1]):
            self._before, self._asked = NULL, []
        left = self._lanes.get(self._lane)
        self._forget(self._lane)
        if left is not None:
            self._left[self._lane] = left
        if answer_id:
            items = [*self._asked, *self._output]
            self._lanes[self._lane] = _Said(answer_id, items, self._before, sum(len(bytes(item)) for item in items))
        self._asked, self._output = [], []
        while self._left and self._size() > self._max_body:
            del self._left[next(iter(self._left))]  # a request that refers to it goes on as it came
        while len(self._lanes) > MAX_LANES or (len(self._lanes) > 1 and self._size() > self._max_body):
            self._forget(next(iter(self._lanes)))

    def _forget(self, lane: str) -> None:
        self._lanes.pop(lane, None)
        self._left.pop(lane, None)

    def _size(self) -> int:
        return sum(each.size for each in (*self._lanes.values(), *self._left.values()))

    def event(self, data: bytes) -> bytes:
        """`data`, an event as a JSON object, with the name of its lane in front, if it has one."""
        if not self._lane or not data[1:].lstrip().startswith(b'"'):
            return data
        return b'{"%b":%b,%b' % (LANE.encode(), json.encode(self._lane), data[1:])


def _read(decode: Callable[[bytes], T], data: bytes) -> T:
    """An event without halves of characters, which no request may have. Raises BadEventError or one of NOT_STRICT."""
    try:
        return decode(data)
    except json.NOT_STRICT:
        return decode(json.encode(json.decode_event(data)))


TARGETS = {"response.steer": PREVIOUS, "response.inject": "response_id"}
"""Messages that would add to an answer, and the field of each that names it."""
NOT_ADDED = "nothing can be added to an answer under way: send the input in the next request"


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
    except msgspec.MsgspecError as exc:
        raise InvalidRequestError("input: expected a text or a list of items", param="input") from exc


def warm(response: dict[str, Any]) -> tuple[bytes, bytes]:
    """The events of an answer to a request for which nothing is to be said yet. `response`: the answer as it begins."""
    created = {"type": "response.created", "response": response, "sequence_number": 0}
    done = response | {"status": "completed"}
    completed = {"type": "response.completed", "response": done, "sequence_number": 1}
    return json.encode(created), json.encode(completed)
