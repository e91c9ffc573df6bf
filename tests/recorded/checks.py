"""What every recorded exchange must show. Each check returns what is wrong, or nothing."""

import json
import re
from base64 import b64encode
from collections.abc import Callable, Iterator, Mapping
from random import Random
from typing import Any

from dragoman.errors import DragomanError
from dragoman.protocols.answer_losses import answer_losses
from dragoman.protocols.base import ClientCodec, ServerCodec
from dragoman.protocols.decoder import Decoder
from dragoman.protocols.gemini.parts import UNSIGNED
from dragoman.protocols.registry import DIALECTS
from dragoman.protocols.relay import Tap
from dragoman.types import (
    ChatRequest,
    ChatResponse,
    HttpRequest,
    Reasoning,
    ResponseEnd,
    ServerRequest,
    StreamEvent,
    fold,
    unfold,
    user,
)
from tests.fuzz.targets.table import TARGETS
from tests.recorded.exchanges import Recorded
from tests.recorded.plain import Read, read, value_of
from tests.support.cuts import drive, scattered
from tests.support.env import fixed_env
from tests.support.spoiling import spoilt_json

URL = "http://service.example"
CUTS = 8
"""Random cuts of each reply; their seed is the reply's length."""
SPOILT = 16
"""Other forms of each reply, in which some fields are changed; their seed is the reply's length, too."""
SHOWN = 160
MIN_LEAF = 6
"""Characters of a text of a request that is looked for after a translation: shorter ones may be there by chance."""

TRANSLATED = ("openai-chat", "openai-responses", "anthropic", "gemini", "ollama")

Check = Callable[[Recorded], str]


def client_of(dialect: str) -> ClientCodec:
    """A codec that calls a service."""
    made: Any = DIALECTS[dialect].client
    codec: ClientCodec = made(URL)
    return codec


def server_of(dialect: str) -> ServerCodec:
    """A codec that answers callers."""
    made: Any = DIALECTS[dialect].server
    codec: ServerCodec = made()
    return codec


def asked(recorded: Recorded) -> ChatRequest:
    """The request; a plain question, if it was not recorded."""
    if recorded.request is None:
        return ChatRequest(model="m", messages=(user("hi"),), stream=recorded.stream)
    return server_of(recorded.dialect).decode_request(call_of(recorded))


def call_of(recorded: Recorded) -> ServerRequest:
    """The request, as if it were made to us."""
    body = json.dumps(recorded.request).encode()
    return ServerRequest(method="POST", path=recorded.path, query=recorded.query, body=body)


def decoder_of(recorded: Recorded) -> Decoder:
    """A decoder for the reply."""
    return client_of(recorded.dialect).decoder(asked(recorded))


def answer_of(recorded: Recorded) -> ChatResponse | None:
    """The answer; None if the reply is a failure."""
    events, error = drive(decoder_of(recorded), [recorded.reply])
    return None if error is not None else fold(events)


def is_failure(recorded: Recorded) -> bool:
    """Whether the service answered with an error, or said one in the stream."""
    marks = (b'"type":"error"', b'"type": "error"', b"response.failed", b'"status":"failed"')
    return recorded.status != 200 or any(mark in recorded.reply for mark in marks)


def decodes(recorded: Recorded) -> str:
    """The same events come out whole, at each event and at random cuts; no error, unless it is the service's own."""
    if recorded.status != 200:
        return ""
    expected = drive(decoder_of(recorded), [recorded.reply])
    if expected[1] is not None:
        return "" if is_failure(recorded) or "spliced" in recorded.name else f"error {expected[1][1]}"
    cuts = [_at_each_event(recorded.reply), *(scattered(recorded.reply, len(recorded.reply) + n) for n in range(CUTS))]
    for pieces in cuts:
        if drive(decoder_of(recorded), pieces) != expected:
            return "another answer at another cut"
    return ""


def _at_each_event(body: bytes) -> list[bytes]:
    mark = b"\r\n\r\n" if b"\r\n\r\n" in body else b"\n\n" if b"\n\n" in body else b"\n"
    return [piece + mark for piece in body.split(mark)[:-1]] + [body.rsplit(mark, 1)[-1]]


def reads_what_is_there(recorded: Recorded) -> str:
    """Text, reasoning, calls and usage are those of a plain reading."""
    answer = None if recorded.status != 200 or is_failure(recorded) else answer_of(recorded)
    if answer is None:
        return ""
    expected, found = read(recorded.dialect, recorded.reply, stream=recorded.stream), _as_read(answer)
    for name in Read.__struct_fields__:
        theirs, ours = getattr(expected, name), getattr(found, name)
        if theirs != ours:
            return f"{name}: expected {_short(theirs)}, got {_short(ours)}"
    return ""


def _as_read(answer: ChatResponse) -> Read:
    usage = answer.usage
    return Read(
        answer.text,
        "".join(part.text for part in answer.parts if isinstance(part, Reasoning)),
        [
            (call.name, call.arguments if call.input_format == "text" else value_of(call.arguments))
            for call in answer.tool_calls
        ],
        None if usage is None else usage.input_tokens,
        None if usage is None else usage.output_tokens,
    )


def request_returns(recorded: Recorded) -> str:
    """A request that is read and written again is the same, or what differs is named."""
    if recorded.request is None or recorded.status != 200:
        return ""
    client = client_of(recorded.dialect)
    request = asked(recorded)
    named = client.losses(request, fixed_env().profile)
    return "" if named else _differs(recorded, client, request)


def _differs(recorded: Recorded, client: ClientCodec, request: ChatRequest) -> str:
    sent = json.loads(_encoded(client, request).body)
    before, after = _normal(_joined(recorded.request)), _normal(_joined(sent))
    return "" if before == after else f"differs at {_first_difference(before, after, '')}"


def _encoded(client: ClientCodec, request: ChatRequest) -> HttpRequest:
    env = fixed_env()
    message = client.encode_request(client.fit(request, env.profile), env)
    if not isinstance(message, HttpRequest):
        raise TypeError("expected a request without preliminaries")
    return message


def _joined(body: dict[str, Any] | None) -> dict[str, Any]:
    """A body with neighbouring turns of one role as one, which services that know only two roles do themselves."""
    body = dict(body or {})
    for name, inner in (("messages", "content"), ("contents", "parts")):
        turns: list[dict[str, Any]] = []
        for turn in body.get(name) or ():
            parts = turn.get(inner)
            if name == "contents" or "max_tokens" in body:
                parts = [{"type": "text", "text": parts}] if isinstance(parts, str) else parts
                if turns and turns[-1].get("role") == turn.get("role") and isinstance(parts, list):
                    turns[-1] = turns[-1] | {inner: [*turns[-1][inner], *parts]}
                    continue
            turns.append(turn | {inner: parts})
        if turns:
            body[name] = turns
    return body


IGNORED = frozenset({"stream", "streamOptions", "maxTokens", "maxCompletionTokens"})
"""Fields whose value is ours to choose: we always stream, and a limit has another name at another service."""


def _normal(value: Any) -> Any:
    """A request without what we choose, and with forms that mean the same as one."""
    match value:
        case dict():
            said = {_camel(name): _normal(inner) for name, inner in value.items()}
            fields = {name: inner for name, inner in said.items() if inner is not None and inner not in ([], {})}
            if isinstance(fields.get("tools"), dict):
                fields["tools"] = [fields["tools"]]
            if "function" in fields:
                fields.setdefault("type", "function")
            return {name: inner for name, inner in fields.items() if name not in IGNORED}
        case [{"type": "text" | "input_text" | "output_text", "text": str(text), **rest}] if not rest:
            return text
        case list():
            return [_normal(inner) for inner in value]
        case _:
            return value


def _camel(name: str) -> str:
    """A name without underscores: Google's APIs take both forms."""
    first, *rest = name.split("_")
    return first + "".join(word[:1].upper() + word[1:] for word in rest)


def _first_difference(before: Any, after: Any, path: str) -> str:
    if isinstance(before, Mapping) and isinstance(after, Mapping):
        for name in sorted({*before, *after}):
            if before.get(name) != after.get(name):
                return _first_difference(before.get(name), after.get(name), f"{path}.{name}")
    if isinstance(before, list) and isinstance(after, list) and len(before) == len(after):
        for i, (one, other) in enumerate(zip(before, after, strict=True)):
            if one != other:
                return _first_difference(one, other, f"{path}[{i}]")
    return f"{path}: {_short(before)} became {_short(after)}"


def tap_agrees(recorded: Recorded) -> str:
    """What the tap learns and lets pass is what the decoder reads."""
    relay = DIALECTS[recorded.dialect].relay
    if relay is None or recorded.status != 200:
        return ""
    if not recorded.stream:
        made: Any = relay
        told = made(URL).read(recorded.reply)
        answer = answer_of(recorded)
        if answer is None:
            return "" if told.error is not None or told.needs_decoding else "the relay sees no failure"
        same = told.needs_decoding or (told.finish_reason, told.usage) == (answer.finish_reason, answer.usage)
        return "" if same else f"{_short((told.finish_reason, told.usage))}, not {_short(answer.finish_reason)}"
    events, error = drive(decoder_of(recorded), [recorded.reply])
    for pieces in ([recorded.reply], _at_each_event(recorded.reply), scattered(recorded.reply, len(recorded.reply))):
        tap = _tap(recorded)
        if tap is None:
            return ""
        passed = b"".join([*map(tap.feed, pieces), tap.finish()])
        if error is not None:
            if tap.error is None:
                return "the tap sees no failure"
            continue
        if tap.error is not None:
            return f"the tap fails: {tap.error}"
        end = events[-1]
        assert isinstance(end, ResponseEnd)
        if (tap.finish_reason, tap.usage) != (end.finish_reason, fold(events).usage):
            return (
                f"the tap reads {_short((tap.finish_reason, tap.usage))}, not {_short((end.finish_reason, end.usage))}"
            )
        again, failed = drive(decoder_of(recorded), [passed])
        if failed is not None or _said(again) != _said(events):
            return "what passed is another answer"
    return ""


def _said(events: list[StreamEvent]) -> tuple[Any, ...]:
    answer = fold(events)
    return answer.parts, answer.finish_reason


def _tap(recorded: Recorded) -> Tap | None:
    """A tap for the reply, if its request can be relayed."""
    body = recorded.request or {"model": "m", "messages": [{"role": "user", "content": "hi"}], "input": "hi"}
    path = recorded.path or "/v1beta/models/m:streamGenerateContent"
    said = {**body, "stream": True, "stream_options": {"include_usage": True}}
    if recorded.dialect == "gemini":
        said = body
    call = ServerRequest(method="POST", path=path, query=recorded.query or "alt=sse", body=json.dumps(said).encode())
    found = server_of(recorded.dialect).reader.at_once(call)
    return None if found is None else found.tap()


def spoilt_is_read_alike(recorded: Recorded) -> str:
    """With fields changed, left out or doubled, a relay reads what the decoder reads, and callers can be told it."""
    if recorded.status != 200:
        return ""
    chance = Random(len(recorded.reply))
    for _ in range(SPOILT):
        reply = spoilt_json(spoilt_json(recorded.reply, chance), chance)
        for reader in ("decode", "tap"):
            TARGETS[f"{reader}-{recorded.dialect}"].run(reply)
    return ""


def translates_requests(recorded: Recorded) -> str:
    """Each text of the request is in what each other dialect sends, or something is named."""
    if recorded.request is None or recorded.status != 200:
        return ""
    request = asked(recorded)
    ids = set(_ids(recorded.request))
    leaves = {leaf for leaf in _leaves(recorded.request) if len(leaf) >= MIN_LEAF}
    for dialect in (each for each in TRANSLATED if each in DIALECTS and each != recorded.dialect):
        client = client_of(dialect)
        named = client.losses(request, fixed_env().profile)
        try:
            sent = _encoded(client, request)
        except DragomanError as exc:
            if not str(exc):
                return f"{dialect}: refused without a word"
            continue
        kept = set(_leaves(json.loads(sent.body)))
        whole = "\n".join(kept)
        # Some protocols have no name for the form of an answer: it means nothing to the model.
        form = None if request.response_format is None else request.response_format.name
        missing = [leaf for leaf in leaves - ids if not _is_there(leaf, whole) and leaf not in {request.model, form}]
        if missing and not named:
            return f"{dialect}: lost without a name: {_short(sorted(missing))}"
    return ""


def _is_there(leaf: str, whole: str) -> bool:
    """Whether a text is in what is sent, or is a word of the protocols themselves.

    It may be there as it is, as base64, or in capitals, as Gemini writes an effort.
    """
    if (
        leaf in whole
        or f"\n{leaf.upper()}\n" in f"\n{whole}\n"
        or leaf in STRUCTURE
        or leaf.startswith(VINTAGES)
        or ITEM_ID.fullmatch(leaf)
        or leaf in UNSIGNED
    ):
        return True
    return b64encode(leaf.encode()).decode().rstrip("=") in whole


VINTAGES = ("web_search", "web_fetch", "code_execution")
"""Hosted tools, whose names have a date in one protocol."""

ITEM_ID = re.compile(r"(?:fc|msg|rs)_[0-9a-f]+|[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
"""The id of an item: a call has another one, by which its result finds it."""

WORDS = """
BOOLEAN INTEGER NUMBER OBJECT STRING adaptive application/json assistant base64 boolean client completed developer
document enabled ephemeral function function_call function_call_output image_url input_file input_image input_text
integer json_object json_schema message message.output_text.logprobs number object output_text reasoning
reasoning.encrypted_content reasoning_text required string summarized system text/plain thinking tool_result
tool_search_call tool_search_output tool_use
"""
STRUCTURE = frozenset(WORDS.split())
"""Words of the protocols themselves."""


def _ids(value: Any) -> Iterator[str]:
    """How a protocol numbers its items, which means nothing to a model: results refer to calls by other fields."""
    if isinstance(value, dict) and isinstance(value.get("id"), str) and {"call_id", "summary"} & value.keys():
        yield value["id"]
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    for each in inner:
        yield from _ids(each)


def _leaves(value: Any) -> Iterator[str]:
    match value:
        case str():
            yield value
        case dict():
            for name, inner in value.items():
                # Arguments of calls are text in one dialect and a value in another.
                if name in {"arguments", "input", "args"}:
                    yield from _leaves(json.loads(inner) if isinstance(inner, str) and inner[:1] in "{[" else inner)
                else:
                    yield from _leaves(inner)
        case list():
            for inner in value:
                yield from _leaves(inner)
        case _:
            return


def translates_replies(recorded: Recorded) -> str:
    """Written by each other dialect and read again it is the same answer, or what is missing is named."""
    answer = None if recorded.status != 200 else answer_of(recorded)
    if answer is None:
        return ""
    request = asked(recorded)
    for dialect in (each for each in TRANSLATED if each in DIALECTS):
        server = server_of(dialect)
        named = {loss.name for loss in answer_losses(unfold(answer), server.expresses, server.name, server.family)}
        env = fixed_env()
        whole = server.encode_response(answer, request, env).body
        streamed = server.encoder(request, env).send(unfold(answer))
        for form, body in (("whole", whole), ("streamed", streamed)):
            events, error = drive(client_of(dialect).decoder(request), [body])
            if error is not None:
                return f"{dialect}, {form}: {error[1]}"
            found = fold(events)
            if found.text != answer.text:
                return f"{dialect}, {form}: text {_short(answer.text)} became {_short(found.text)}"
            if "answer.tool_call" not in named and _calls(found) != _calls(answer):
                return f"{dialect}, {form}: calls {_short(_calls(answer))} became {_short(_calls(found))}"
            if "answer.usage" not in named and answer.usage is not None and _counts(found) != _counts(answer):
                return f"{dialect}, {form}: usage {_short(_counts(answer))} became {_short(_counts(found))}"
    return ""


def _calls(answer: ChatResponse) -> list[tuple[str, Any]]:
    return [(call.name, value_of(call.arguments)) for call in answer.tool_calls]


def _counts(answer: ChatResponse) -> tuple[int, int]:
    usage = answer.usage
    return (0, 0) if usage is None else (usage.input_tokens or 0, usage.output_tokens or 0)


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= SHOWN else f"{text[:SHOWN]}…"


CHECKS: dict[str, Check] = {
    "decodes": decodes,
    "reads": reads_what_is_there,
    "request": request_returns,
    "tap": tap_agrees,
    "spoilt": spoilt_is_read_alike,
    "requests to others": translates_requests,
    "replies to others": translates_replies,
}
