"""Rows of text, which a decoder takes in one step, say what their events say one by one.

Fed byte by byte, a decoder takes no rows: then every event is read singly. The same bytes, fed at once or in pieces,
must come to the same answer, with whatever else stands between the texts.
"""

from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import Struct

from dragoman.protocols.base import ClientCodec
from dragoman.protocols.decoder import Decoder
from dragoman.protocols.streams.text_rows import RowReader
from dragoman.types import ChatRequest, PartDelta, user
from tests.protocols.test_golden import SUBJECTS
from tests.support.cuts import assert_same_at_every_cut, bytewise, drive, scattered

REQUEST = ChatRequest(model="m", messages=(user("x"),))

LITERALS = (
    *("a", " word", "ü", "😀", r"\n", r"\"quoted\"", r"\\", r"\u00fc", r"\ud83d\ude00", "data: x", r"}}\n\n"),
    *("", r"\ud83d", r"\ude00", r"\q", r"\u12", '"', '","', "\\", "\t", "\x7f", "\N{LINE SEPARATOR}", ",", "]"),
)
"""The insides of JSON strings: good ones, then empty, halved, broken and odd ones."""


class Wire(Struct, frozen=True):
    """How a dialect writes an answer: its start, events with a text, events of other kinds, and its end."""

    texts: tuple[str, ...]
    """Events with a place (`@`) for the inside of a string; `#` is a number that grows."""
    others: tuple[str, ...]
    start: str = ""
    end: str = ""


def chat(delta: str, more: str = "") -> str:
    return f'data: {{"id":"c","choices":[{{"index":0,"delta":{delta}{more}}}]}}\n\n'


def delta(index: int, kind: str, field: str) -> str:
    return (
        f'event: content_block_delta\ndata: {{"type":"content_block_delta","index":{index},'
        f'"delta":{{"type":"{kind}","{field}":"@"}}}}\n\n'
    )


def named(kind: str, fields: str) -> str:
    return f'event: {kind}\ndata: {{"type":"{kind}",{fields}}}\n\n'


def piece(kind: str, index: int) -> str:
    return named(
        f"response.{kind}.delta",
        f'"delta":"@","item_id":"i{index}","output_index":{index},"content_index":0,"sequence_number":#',
    )


def gemini(parts: str, more: str = "") -> str:
    usage = '"usageMetadata":{"candidatesTokenCount":#}'
    return (
        f'data: {{"candidates":[{{"content":{{"parts":{parts}}},"index":0{more}}}],{usage},"responseId":"r"}}\r\n\r\n'
    )


def ollama(message: str, more: str = "") -> str:
    return f'{{"model":"m","created_at":"2026-01-0#T00:00:00Z","message":{message},"done":false{more}}}\n'


WIRES = {
    "openai-chat": Wire(
        texts=(
            chat('{"content":"@"}'),
            chat('{"reasoning_content":"@"}'),
            chat('{"content":"@","reasoning":"t"}'),
            chat('{"content":"@"}', ',"logprobs":{"content":[{"token":"t","logprob":-1}]}'),
            chat('{"tool_calls":[{"index":0,"function":{"arguments":"@"}}]}'),
            chat('{"tool_calls":[{"index":1,"function":{"arguments":"@"}}]}'),
            chat('{"tool_calls":[{"index":0,"id":"c","function":{"name":"f","arguments":"@"}}]}'),
            'data: {"choices":[{"index":1,"delta":{"content":"@"}}]}\n\n',
        ),
        others=(
            ": ping\n\n",
            chat('{"role":"assistant","content":""}'),
            chat('{"tool_calls":[{"index":0,"id":"c0","function":{"name":"f","arguments":""}}]}'),
            chat('{"tool_calls":[{"index":1,"id":"c1","function":{"name":"g","arguments":"{}"}}]}'),
            chat("{}", ',"finish_reason":"stop"'),
            'data: {"choices":[],"usage":{"prompt_tokens":1,"completion_tokens":2}}\n\n',
            'data: {"choices":[{"index":0,"delta":{"content":"s"}}],"sources":[1]}\n\n',
        ),
        start=chat('{"role":"assistant"}'),
        end=chat("{}", ',"finish_reason":"stop"') + "data: [DONE]\n\n",
    ),
    "anthropic": Wire(
        texts=(
            delta(0, "text_delta", "text"),
            delta(0, "thinking_delta", "thinking"),
            delta(1, "input_json_delta", "partial_json"),
            delta(0, "text_delta", "text").replace('"}}', '"}     }'),
            delta(0, "text_delta", "text").replace("event: content_block_delta\n", ""),
        ),
        others=(
            "event: ping\ndata: {}\n\n",
            named("content_block_stop", '"index":0'),
            named("content_block_start", '"index":0,"content_block":{"type":"thinking","thinking":""}'),
            named("content_block_start", '"index":0,"content_block":{"type":"text","text":""}'),
            named(
                "content_block_start", '"index":1,"content_block":{"type":"tool_use","id":"t","name":"f","input":{}}'
            ),
            named("content_block_delta", '"index":0,"delta":{"type":"signature_delta","signature":"s"}'),
            named("message_delta", '"delta":{"stop_reason":"end_turn"},"usage":{"output_tokens":3}'),
        ),
        start=named("message_start", '"message":{"id":"m","content":[],"usage":{"input_tokens":1}}')
        + named("content_block_start", '"index":0,"content_block":{"type":"text","text":""}'),
        end=named("message_delta", '"delta":{"stop_reason":"end_turn"},"usage":{"output_tokens":3}')
        + named("message_stop", '"x":0'),
    ),
    "openai-responses": Wire(
        texts=(piece("output_text", 0), piece("output_text", 1), piece("function_call_arguments", 2)),
        others=(
            ": ping\n\n",
            named("response.output_item.added", '"output_index":1,"item":{"type":"message","id":"i1","content":[]}'),
            named(
                "response.output_item.added",
                '"output_index":2,"item":{"type":"function_call","id":"i2","call_id":"c","name":"f","arguments":""}',
            ),
            named("response.output_text.done", '"item_id":"i0","output_index":0,"content_index":0,"text":"a"'),
        ),
        start=named("response.created", '"response":{"id":"r","output":[]}')
        + named("response.output_item.added", '"output_index":0,"item":{"type":"message","id":"i0","content":[]}'),
        end=named("response.completed", '"response":{"id":"r","status":"completed","output":[]}'),
    ),
    "gemini": Wire(
        texts=(
            gemini('[{"text":"@"}]'),
            gemini('[{"text":"@","thought":true}]'),
            gemini('[{"text":"@"},{"text":"b"}]'),
            gemini('[{"text":"@","thoughtSignature":"cw=="}]'),
        ),
        others=(
            gemini('[{"functionCall":{"name":"f","args":{}}}]'),
            gemini('[{"text":"s"}]', ',"citationMetadata":{"citationSources":[{"uri":"u"}]}'),
            'data: {"usageMetadata":{"promptTokenCount":7}}\r\n\r\n',
        ),
        end=gemini('[{"text":""}]', ',"finishReason":"STOP"'),
    ),
    "ollama": Wire(
        texts=(
            ollama('{"role":"assistant","content":"@"}'),
            ollama('{"role":"assistant","content":"","thinking":"@"}'),
            ollama('{"role":"assistant","content":"@","thinking":"t"}'),
            ollama('{"role":"assistant","content":"@"}', ',"logprobs":[{"token":"t","logprob":-1}]'),
        ),
        others=(
            "\n",
            ollama('{"role":"assistant","content":"","tool_calls":[{"function":{"name":"f","arguments":{}}}]}'),
        ),
        end='{"model":"m","created_at":"2026-01-01T00:00:00Z","done":true,"done_reason":"stop","eval_count":2}\n',
    ),
}


def bodies(wire: Wire) -> st.SearchStrategy[bytes]:
    """Answers of rows and other events."""
    text = st.one_of(st.just(wire.texts[0]), st.sampled_from(wire.texts))
    good = st.lists(st.sampled_from(LITERALS[:11]), min_size=1, max_size=9)
    row = st.tuples(text, st.one_of(good, st.lists(st.sampled_from(LITERALS), min_size=1, max_size=4)))
    other = st.sampled_from(wire.others).map(lambda event: (event, [""]))
    return st.lists(st.one_of(row, row, other), min_size=1, max_size=8).map(lambda parts: body(wire, parts))


def body(wire: Wire, parts: list[tuple[str, list[str]]]) -> bytes:
    events = [event.replace("@", literal) for event, literals in parts for literal in literals]
    numbered = [event.replace("#", str(i % 9 + 1)) for i, event in enumerate([*events, wire.end])]
    return (wire.start + "".join(numbered)).encode()


@pytest.mark.parametrize("name", WIRES)
def test_the_wires_are_of_dialects(name: str) -> None:
    """A plain answer of each is a good one, and its rows are taken."""
    codec = SUBJECTS[name].codec
    plain = body(WIRES[name], [(WIRES[name].texts[0], ["a", " b", r"\n"])])
    events, error = drive(codec.decoder(REQUEST), [plain])
    assert error is None
    assert [event.text for event in events if isinstance(event, PartDelta)] == ["a b\n"]


def check(codec: ClientCodec, data: bytes, seed: int) -> None:
    def new() -> Decoder:
        return codec.decoder(REQUEST)

    singly = drive(new(), bytewise(data))
    assert drive(new(), [data]) == singly
    for i in range(2, 6):
        assert drive(new(), scattered(data, seed, i)) == singly


def property_of(name: str) -> Callable[[], None]:
    @settings(max_examples=150, derandomize=True, database=None, deadline=None)
    @given(bodies(WIRES[name]), st.integers(0, 99))
    def holds(data: bytes, seed: int) -> None:
        check(SUBJECTS[name].codec, data, seed)

    return holds


@pytest.mark.parametrize("name", WIRES)
def test_rows_say_what_their_events_say(name: str) -> None:
    property_of(name)()


@pytest.mark.parametrize("name", WIRES)
def test_a_form_is_forgotten_once_another_part_begins(name: str) -> None:
    """Also if the event that begins it was cut, and is not learnt from."""
    first, second = WIRES[name].texts[:2]
    data = body(WIRES[name], [(first, ["a", "b"]), (second, ["c"]), (first, ["d", "e"])])
    assert_same_at_every_cut(lambda: SUBJECTS[name].codec.decoder(REQUEST), data)


@pytest.mark.parametrize("name", WIRES)
def test_rows_are_taken(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    wire, taken = WIRES[name], []
    take = RowReader.take

    def noted(reader: RowReader, data: bytes, at: int) -> tuple[list[str], int]:
        words, length = take(reader, data, at)
        taken.extend(words)
        return words, length

    monkeypatch.setattr(RowReader, "take", noted)
    drive(SUBJECTS[name].codec.decoder(REQUEST), [body(wire, [(wire.texts[0], ["a"] * 50)])])
    assert len(taken) >= 45
