"""What the five dialects say: answers as their services write them, questions and answers as their callers do.

The reader takes anything, also what is broken: it tells what a caller would have seen. Knows no gateway.
"""

import json
import re
from collections.abc import Callable, Iterator
from typing import Any

from msgspec import Struct, field

from tests.matrix import (
    service_anthropic,
    service_gemini,
    service_ollama,
    service_openai_chat,
    service_openai_responses,
)
from tests.matrix.exchange import Seen, Service
from tests.matrix.scenes import Answer, Say, Tokens

SERVICES: dict[str, Service] = {
    "openai-chat": service_openai_chat.SERVICE,
    "openai-responses": service_openai_responses.SERVICE,
    "anthropic": service_anthropic.SERVICE,
    "gemini": service_gemini.SERVICE,
    "ollama": service_ollama.SERVICE,
}
DIALECTS = tuple(SERVICES)

TEXT = ("Grüße aus Köln, ", "世界 is wide.")
SPARE = ("From the ", "spare one.")
USAGE = Tokens(input=100, output=20)

REASON = {
    "openai-chat": b'"finish_reason":"stop"',
    "openai-responses": b'"type":"response.completed"',
    "anthropic": b'"type":"message_delta"',
    "gemini": b'"finishReason"',
    "ollama": b'"done":true',
}
"""What only the piece has that gives the reason to stop."""


class Reply(Struct, frozen=True):
    """A good answer of a service: its media type and its pieces, each an event or a part of the document."""

    media_type: str
    pieces: tuple[bytes, ...]
    first: int
    """The piece with the first text."""
    reason: int
    """The piece with the reason to stop."""


def reply(dialect: str, text: tuple[str, ...] = TEXT, *, stream: bool, usage: Tokens = USAGE) -> Reply:
    """What a service of `dialect` answers."""
    answer = Answer(tuple(Say(part) for part in text), usage=usage)
    wrote = SERVICES[dialect].write(answer, Seen("m", stream=stream))
    media_type = wrote.headers["content-type"]
    if not stream:
        (body,) = wrote.pieces
        middle = len(body) // 2
        return Reply(media_type, (body[:middle], body[middle:-5], body[-5:]), 0, 2)
    begins = text[0][:2].encode()
    first = next(at for at, piece in enumerate(wrote.pieces) if begins in piece)
    reason = next(at for at, piece in enumerate(wrote.pieces) if REASON[dialect] in piece)
    return Reply(media_type, wrote.pieces, first, reason)


def empty(dialect: str, *, stream: bool) -> tuple[bytes, ...]:
    """The pieces of an answer that stops without having said anything."""
    pieces = SERVICES[dialect].write(Answer((), usage=USAGE), Seen("m", stream=stream)).pieces
    if dialect != "openai-responses":
        return pieces
    # Its service is played with a message in each answer; here there is none.
    kept = [piece for piece in pieces if b"response.output_" not in piece and b"response.content_" not in piece]
    return tuple(re.sub(rb'"output":\[\{.*\}\],"error"', b'"output":[],"error"', piece) for piece in kept)


def wordless(dialect: str, *, stream: bool) -> tuple[bytes, ...]:
    """The pieces of an answer that stops after a text without words."""
    return SERVICES[dialect].write(Answer((Say(""),), usage=USAGE), Seen("m", stream=stream)).pieces


def in_band(dialect: str) -> bytes:
    """The event by which a service says that it failed."""
    return SERVICES[dialect].write(Answer((Say("Hello, "),), failure="error"), Seen("m", stream=True)).pieces[-1]


COUNTS = re.compile(rb'"usage(?:Metadata)?":\{(?:[^{}]|\{[^{}]*\})*\},?|"(?:prompt_)?eval_count":\d+,?')


def without_counts(pieces: tuple[bytes, ...]) -> tuple[bytes, ...]:
    """The same pieces, with no count of tokens in them."""
    return tuple(COUNTS.sub(b"", piece).replace(b",}", b"}") for piece in pieces)


def failed(dialect: str, status: int, words: str) -> bytes:
    """The document of a failure with this status, which says no more than the status and these words."""
    error: dict[str, Any] = {"message": words}
    match dialect:
        case "anthropic":
            return json.dumps({"type": "error", "error": error | {"type": "some_error"}}).encode()
        case "gemini":
            return json.dumps({"error": error | {"code": status, "status": "SOME_STATUS"}}).encode()
        case "ollama":
            return json.dumps({"error": words}).encode()
        case _:
            return json.dumps({"error": error | {"type": "some_error", "param": None, "code": None}}).encode()


class Front(Struct, frozen=True):
    """How callers of a dialect ask."""

    path: str
    body: Callable[[str, str, bool], dict[str, Any]]
    """Of a model, a text, and whether a stream is wanted."""
    stream_path: str = ""

    def ask(self, model: str, text: str, *, stream: bool) -> tuple[str, bytes]:
        """The path and the body of a question."""
        path = self.stream_path if stream and self.stream_path else self.path
        body = self.body(model, text, stream)
        return path.replace("{model}", model), json.dumps(body, ensure_ascii=False).encode()


def _chat(model: str, text: str, stream: bool) -> dict[str, Any]:
    options = {"stream": True, "stream_options": {"include_usage": True}} if stream else {}
    return {"model": model, "messages": [{"role": "user", "content": text}]} | options


def _anthropic(model: str, text: str, stream: bool) -> dict[str, Any]:
    messages = [{"role": "user", "content": text}]
    return {"model": model, "max_tokens": 100, "messages": messages, "stream": stream}


def _responses(model: str, text: str, stream: bool) -> dict[str, Any]:
    return {"model": model, "input": text, "stream": stream}


FRONTS: dict[str, Front] = {
    "openai-chat": Front("/v1/chat/completions", _chat),
    "openai-responses": Front("/v1/responses", _responses),
    "anthropic": Front("/v1/messages", _anthropic),
    "gemini": Front(
        "/v1beta/models/{model}:generateContent",
        lambda model, text, stream: {"contents": [{"role": "user", "parts": [{"text": text}]}]},
        "/v1beta/models/{model}:streamGenerateContent?alt=sse",
    ),
    "ollama": Front(
        "/api/chat",
        lambda model, text, stream: {
            "model": model,
            "messages": [{"role": "user", "content": text}],
            "stream": stream,
        },
    ),
}


class Heard(Struct):
    """What a caller makes of an answer, good or broken."""

    text: str = ""
    ends: list[str] = field(default_factory=list)
    """What says that the answer is over, in order: `end` (it is complete) or `error`."""
    words: str = ""
    """Those of the error."""
    code: str = ""
    """Its code, where one is called that has codes of ours."""
    tokens: int | None = None
    """Those of the output, as the answer counts them."""


def hear(dialect: str, body: bytes, *, stream: bool) -> Heard:
    """What a caller of `dialect` reads in a body with status 200, or in the error with another status."""
    heard = Heard()
    for value in values(dialect, body, stream=stream):
        READERS[dialect](heard, value)
    return heard


LINES = re.compile(r"\r\n|\r|\n")


def values(dialect: str, body: bytes, *, stream: bool) -> Iterator[Any]:
    """The JSON of each event, or of the document; `[DONE]` as text. What is no JSON is left out."""
    text = body.decode("utf-8", "replace").removeprefix("\ufeff")
    if stream and dialect != "ollama":
        data = [line.removeprefix("data:").strip() for line in LINES.split(text) if line.startswith("data:")]
    else:
        data = LINES.split(text) if stream else [text]
    for each in data:
        try:
            yield each if each == "[DONE]" else json.loads(each)
        except ValueError:
            continue


def _hear_chat(heard: Heard, value: Any) -> None:
    if value == "[DONE]":
        if heard.ends[-1:] != ["end"]:
            heard.ends.append("end")
        return
    if error := value.get("error"):
        _failed(heard, error["message"])
    for choice in value.get("choices") or ():
        heard.text += (choice.get("delta") or choice.get("message") or {}).get("content") or ""
        if choice.get("finish_reason"):
            heard.ends.append("end")
    if value.get("usage"):
        heard.tokens = value["usage"]["completion_tokens"]


def _hear_responses(heard: Heard, value: Any) -> None:
    match value.get("type"):
        case "response.output_text.delta":
            heard.text += value["delta"]
        case "response.completed" | "response.incomplete":
            heard.ends.append("end")
            heard.tokens = (value["response"].get("usage") or {}).get("output_tokens")
        case "response.failed":
            if "error" not in heard.ends[-1:]:  # some services and we say it twice, by `error` and by this
                _failed(heard, value["response"]["error"]["message"])
        case "error":
            _failed(heard, value.get("message") or value["error"]["message"])
        case _ if value.get("object") == "response":
            parts = [part for item in value["output"] for part in item.get("content", ())]
            heard.text += "".join(part.get("text", "") for part in parts)
            heard.ends.append("end" if value["status"] in {"completed", "incomplete"} else "error")
            heard.tokens = (value.get("usage") or {}).get("output_tokens")
        case _ if value.get("error"):
            _failed(heard, value["error"]["message"])


def _hear_anthropic(heard: Heard, value: Any) -> None:
    match value.get("type"):
        case "content_block_start":
            heard.text += value["content_block"].get("text", "")
        case "content_block_delta":
            heard.text += value["delta"].get("text", "")
        case "message_delta":
            heard.tokens = value.get("usage", {}).get("output_tokens")
        case "message_stop":
            heard.ends.append("end")
        case "error":
            _failed(heard, value["error"]["message"])
        case "message":
            heard.text += "".join(block.get("text", "") for block in value["content"])
            heard.tokens = value.get("usage", {}).get("output_tokens")
            heard.ends.append("end")


def _hear_gemini(heard: Heard, value: Any) -> None:
    if error := value.get("error"):
        _failed(heard, error["message"])
    for candidate in value.get("candidates") or ():
        parts = (candidate.get("content") or {}).get("parts") or ()
        heard.text += "".join(part.get("text", "") for part in parts)
        if candidate.get("finishReason"):
            heard.ends.append("end")
    if counts := value.get("usageMetadata"):
        heard.tokens = counts.get("candidatesTokenCount")


def _hear_ollama(heard: Heard, value: Any) -> None:
    if error := value.get("error"):
        _failed(heard, error)
    heard.text += (value.get("message") or {}).get("content") or ""
    if value.get("done"):
        heard.ends.append("end")
        heard.tokens = value.get("eval_count")


def _failed(heard: Heard, words: str) -> None:
    heard.ends.append("error")
    heard.words = words


READERS: dict[str, Callable[[Heard, Any], None]] = {
    "openai-chat": _hear_chat,
    "openai-responses": _hear_responses,
    "anthropic": _hear_anthropic,
    "gemini": _hear_gemini,
    "ollama": _hear_ollama,
}
