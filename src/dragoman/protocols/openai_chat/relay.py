"""This protocol's part in relaying."""

import msgspec
from msgspec import Raw

from dragoman.errors import InvalidRequestError
from dragoman.protocols.openai_chat.name import NAME
from dragoman.protocols.openai_chat.tap import ChatTap, read_whole
from dragoman.protocols.relay import Question, RelayCodec, Tap, Told
from dragoman.protocols.steering import NESTED, STEERING, steering
from dragoman.types import HttpRequest
from dragoman.wire import json
from dragoman.wire.sse import HEARTBEAT

ONE = b"1"
NESTING = frozenset(NESTED)

_decode = msgspec.json.Decoder(dict[str, Raw]).decode
_text = msgspec.json.Decoder(str | None).decode
_object = msgspec.json.Decoder(dict[str, object] | None).decode
_flag = msgspec.json.Decoder(bool | None).decode


class ChatRelay(RelayCodec):
    """Requests and answers of `POST {url}/chat/completions` as they stand."""

    name = NAME
    heartbeat = HEARTBEAT

    def __init__(self, url: str) -> None:
        self._url = url

    def rewrite(self, question: Question, model: str) -> bytes:
        fields: dict[str, object] = {**question.fields, "model": model}
        if question.stream and not _wants_usage(question):
            fields["stream_options"] = _options(question) | {"include_usage": True}
        return json.encode(fields)

    def frame(self, key: str | None, *, stream: bool) -> HttpRequest:
        accept = "text/event-stream" if stream else "application/json"
        headers = [("content-type", "application/json"), ("accept", accept)]
        if key:
            headers.append(("authorization", f"Bearer {key}"))
        return HttpRequest(url=self._url, headers=tuple(headers))

    def tap(self, question: Question) -> Tap:
        count = question.fields.get("n", ONE)
        return ChatTap(usage_wanted=_wants_usage(question), every=bytes(count) not in {ONE, b"null"})

    def read(self, body: bytes) -> Told:
        return read_whole(body)


def read_question(body: bytes) -> Question | None:
    """The model, and whether a stream is wanted; the rest is only checked. No model is the default one's.

    None where fields steer a gateway behind: those must be read in detail. Raises InvalidRequestError.
    """
    json.check_request(body)
    try:
        fields = _decode(body)
        if not (STEERING.isdisjoint(fields) and (NESTING.isdisjoint(fields) or _is_harmless(fields))):
            return None
        stream, model = fields.get("stream"), fields.get("model")
        return Question(
            "" if model is None else _text(model) or "", stream is not None and _flag(stream) is True, fields
        )
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as exc:
        raise InvalidRequestError("the body is not a valid request") from exc


def _wants_usage(question: Question) -> bool:
    """True if the caller asked for the usage itself."""
    return _options(question).get("include_usage") is True


def _options(question: Question) -> dict[str, object]:
    """The options of the stream; what cannot be read as such is the service's to refuse."""
    said = question.fields.get("stream_options")
    try:
        return {} if said is None else _object(said) or {}
    except msgspec.MsgspecError:
        return {}


def _is_harmless(fields: dict[str, Raw]) -> bool:
    """Whether nothing within a field steers."""
    return not any(steering({name: json.decode_request(bytes(fields[name])) for name in NESTING & fields.keys()}))
