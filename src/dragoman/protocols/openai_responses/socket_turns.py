"""The conversation of one WebSocket: what its messages ask, each as the body of a request over HTTP.

A message is `{"type": "response.create", …}` with the fields of a request. The first may say `"generate": false`: then
nothing is to be said yet. Later ones bring new items alone, and name the answer before them by `previous_response_id`,
although it is not stored: what was said so far belongs to the connection. So it is kept here, as it came, and put in
front of the new items: the service gets the same beginning in each request, byte for byte. If the first request named
an answer that was given elsewhere, each later one does, too.
"""

from typing import Any

import msgspec
from msgspec import Raw, Struct

from dragoman.errors import InvalidRequestError
from dragoman.protocols.json_fields import Fields, wrong_type
from dragoman.protocols.openai_responses.compaction import wants_compaction
from dragoman.protocols.openai_responses.events import ENDS, ITEM_DONE, name_of
from dragoman.wire import json
from dragoman.wire.sse import SseEvent

CREATE, PREVIOUS = "response.create", "previous_response_id"
OF_MESSAGE = frozenset({"type", "generate"})
"""Fields of a message that no request over HTTP has."""
NULL = Raw(b"null")
MAX_TRIGGER = 100
"""Bytes of the item that asks for compaction, with any blanks in it."""
WHOLE = frozenset({"completed", "incomplete"})
"""How an answer may end that the conversation goes on from."""

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


class SocketTurns:
    """The turns of one connection, one after another."""

    def __init__(self, max_body: int) -> None:
        self._max_body = max_body
        self._last = ""
        """The id of the last answer."""
        self._said: list[Raw] = []
        """All items up to the end of that answer."""
        self._before = self._asked_before = NULL
        """The id of the answer that they go on from, which was given elsewhere; so of the request under way."""
        self._asked: list[Raw] = []
        """All items of the request under way."""
        self._output: list[Raw] = []
        """The items of its answer."""

    def read(self, text: str) -> Turn:
        """The request that a message makes. Raises InvalidRequestError, also if it is no request."""
        data = text.encode("utf-8", "replace")
        value = json.decode_request(data)
        if not isinstance(value, dict):
            raise wrong_type("the message", "an object", value)
        if value.get("type") != CREATE:
            raise InvalidRequestError(f"type: expected {CREATE!r}", param="type")
        generate = Fields(value).boolean("generate")
        fields = {name: said for name, said in _fields(data).items() if name not in OF_MESSAGE}
        new = _input(fields.get("input", Raw(b"[]")))
        before = fields.pop(PREVIOUS, NULL)
        if value.get(PREVIOUS) == self._last != "":
            before, new = self._before, [*self._said, *new]
        if before != NULL:
            fields[PREVIOUS] = before
        self._asked_before, self._asked, self._output = before, new, []
        fields["input"], fields["stream"] = Raw(b"[%b]" % b",".join(map(bytes, new))), Raw(b"true")
        body = json.encode(fields)
        if len(body) > self._max_body:
            raise InvalidRequestError(
                f"expected a conversation of at most {self._max_body} bytes", status=413, code="request_too_large"
            )
        return Turn(body, generate is not False)

    def note(self, event: SseEvent) -> None:
        """Notes what an event of the answer adds to the conversation. What cannot be read adds nothing."""
        try:
            name = name_of(event.event, event.data)
            if name == ITEM_DONE:
                self._output.append(_item(event.data).item)
            elif ENDS.get(name) in WHOLE:
                response = _ended(event.data).response
                self._output = max(self._output, _listed(response.output), key=len)
                self.ended(response.id)
        except json.NOT_STRICT:
            self._last, self._said, self._before = "", [], NULL

    def ended(self, answer_id: str) -> None:
        """The answer is whole, and has this id. A conversation that was compacted goes on from the answer alone."""
        self._before = self._asked_before
        if self._asked and _compacts(self._asked[-1]):
            self._before, self._asked = NULL, []
        self._last, self._said = answer_id, [*self._asked, *self._output]
        self._asked, self._output = [], []


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
