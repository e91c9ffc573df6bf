"""This protocol's part in relaying."""

import msgspec
from msgspec import Raw

from dragoman.errors import InvalidRequestError
from dragoman.protocols.openai_chat.name import NAME
from dragoman.protocols.openai_chat.tap import ChatTap, read_whole
from dragoman.protocols.relay import Question, RelayCodec, Tap, Told
from dragoman.types import HttpRequest
from dragoman.wire import json

_decode = msgspec.json.Decoder(dict[str, Raw]).decode
_text = msgspec.json.Decoder(str).decode
_flag = msgspec.json.Decoder(bool | None).decode


class ChatRelay(RelayCodec):
    """Requests and answers of `POST {url}/chat/completions` as they stand."""

    name = NAME

    def __init__(self, url: str) -> None:
        self._url = url

    def rewrite(self, question: Question, model: str) -> bytes:
        return json.encode(question.fields | {"model": model})

    def frame(self, key: str | None, *, stream: bool) -> HttpRequest:
        accept = "text/event-stream" if stream else "application/json"
        headers = [("content-type", "application/json"), ("accept", accept)]
        if key:
            headers.append(("authorization", f"Bearer {key}"))
        return HttpRequest(url=self._url, headers=tuple(headers))

    def tap(self) -> Tap:
        return ChatTap()

    def read(self, body: bytes) -> Told:
        return read_whole(body)


def read_question(body: bytes) -> Question:
    """The model, and whether a stream is wanted; the rest is not looked into. Raises InvalidRequestError."""
    try:
        fields = _decode(body)
        stream = fields.get("stream")
        return Question(_text(fields["model"]), stream is not None and _flag(stream) is True, fields)
    except KeyError:
        raise InvalidRequestError("model: expected a string, got nothing") from None
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as exc:
        raise InvalidRequestError("the body is not a valid request") from exc
