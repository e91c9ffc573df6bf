"""What of a request a service may cache: where each protocol has it, and what changes while it means the same."""

import json
from collections.abc import Callable
from typing import Any, NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dragoman.errors import InvalidRequestError
from dragoman.protocols.prompt_regions import LONG, STEP, PromptRegions, RegionFields, read_beginning, read_regions
from dragoman.protocols.registry import DIALECTS
from dragoman.types import ServerRequest
from dragoman.wire.steps import done

MARKED = RegionFields("messages", system=("system",), settings=("tool_choice", "text.format"))
MARK = {"type": "ephemeral"}
TEXT = st.sampled_from(["", "a", "b", "a cache_control of b", '"cache_control":1'])
ROLES = st.sampled_from(["user", "assistant", "system"])
BLOCKS = st.lists(st.builds(lambda text: {"type": "text", "text": text}, TEXT), min_size=1, max_size=2)
RESULTS = st.builds(lambda content: {"type": "tool_result", "content": content}, BLOCKS)
CONTENTS = BLOCKS | st.lists(RESULTS, min_size=1, max_size=2)
MESSAGES = st.lists(st.builds(lambda role, content: {"role": role, "content": content}, ROLES, CONTENTS), max_size=4)
TOOLS = st.lists(st.builds(lambda name: {"name": name}, TEXT), max_size=2)
Body = dict[str, Any]


class Read(NamedTuple):
    """Regions, with all messages."""

    tools: bytes
    system: bytes
    settings: bytes
    messages: tuple[bytes, ...]
    start: int


def known(found: PromptRegions | None) -> Read | None:
    if found is None:
        return None
    return Read(found.tools, found.system, found.settings, tuple(found.messages), found.start)


def read(body: Body, fields: RegionFields = MARKED) -> Read:
    found = known(read_regions(json.dumps(body).encode(), fields))
    assert found is not None
    return found


def asked(**more: Any) -> Body:
    return {"messages": [{"role": "user", "content": "hi"}]} | more


@pytest.mark.parametrize(
    ("protocol", "path", "body"),
    [
        ("openai-chat", "/v1/chat/completions", {"messages": [{"role": "developer", "content": "S"}, "M0", "M1"]}),
        ("openai-responses", "/v1/responses", {"instructions": "S", "input": ["M0", "M1"]}),
        ("anthropic", "/v1/messages", {"system": "S", "messages": ["M0", "M1"]}),
        ("gemini", "/v1beta/models/m:generateContent", {"systemInstruction": "S", "contents": ["M0", "M1"]}),
        ("ollama", "/api/chat", {"messages": [{"role": "system", "content": "S"}, "M0", "M1"]}),
    ],
)
def test_each_protocol_has_its_places(protocol: str, path: str, body: Body) -> None:
    text = json.dumps({"tools": [{"name": "T"}]} | body).replace('"M', '{"role":"user","content":"M')
    text = text.replace('M0"', 'M0"}').replace('M1"', 'M1"}')
    server = DIALECTS[protocol].server
    assert server is not None
    found = known(server().regions(ServerRequest(method="POST", path=path, body=text.encode())))
    assert found is not None
    assert [len(found.messages), found.settings, found.start] == [2, b"", int(protocol in {"openai-chat", "ollama"})]
    assert [b'"T"' in found.tools, b'"S"' in found.system] == [True, True]
    assert b"M0" in found.messages[0]


@pytest.mark.parametrize("change", [{"tool_choice": "none"}, {"text": {"format": {"type": "json_object"}}}])
def test_settings_are_those_on_which_the_cache_depends(change: Body) -> None:
    bare = read(asked(tool_choice=None, text={"verbosity": "low"}, temperature=1))
    assert bare.settings == b""
    assert read(asked(**change)).settings
    assert read(asked(**change)).messages == bare.messages


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"{",
        b"{}",
        b'{"messages":[]}',
        b'{"messages":null}',
        b'{"messages":' + b"[" * 50_000 + b"]" * 50_000 + b"}",
        b'{"messages":["hi"],"tools":["\\ud800"]}',
    ],
)
def test_what_cannot_be_read_has_none(body: bytes) -> None:
    assert read_regions(body, MARKED) is None


@pytest.mark.parametrize(
    "message",
    [b'"\\ud800"', b'{"content":"\xff"}', b'{"content":[' * 5000 + b"]}" * 5000, b'{"content":[' * 500 + b"]}" * 500],
)
def test_a_message_that_cannot_be_read_is_refused_when_it_is_asked_for(message: bytes) -> None:
    body = b'{"messages":[{"role":"user","content":"hi"},' + message + b"]}"
    found = read_regions(body, MARKED)
    if found is not None:  # what is nested too deep is refused at once
        with pytest.raises(InvalidRequestError):
            list(found.messages)


@pytest.mark.parametrize("role", [1, None, [], {}, "user"])
def test_a_message_of_no_known_role_is_a_message(role: object) -> None:
    assert len(read({"messages": [{"role": role, "content": "hi"}]}).messages) == 1


def test_a_request_that_refers_to_an_earlier_answer_does_not_hold_its_prompt() -> None:
    server = DIALECTS["openai-responses"].server
    assert server is not None
    for field in ("previous_response_id", "conversation", "prompt"):
        for value, known in (("x", False), (None, True)):
            body = json.dumps({"input": "hi", field: value}).encode()
            found = server().regions(ServerRequest(method="POST", path="/v1/responses", body=body))
            assert (found is not None) is known


def test_a_tool_that_is_loaded_later_is_no_part_of_the_prompt() -> None:
    tool = {"name": "f", "input_schema": {"type": "object"}}
    found = {"name": "found", "input_schema": {}, "defer_loading": True}
    assert read(asked(tools=[found, tool])).tools == read(asked(tools=[tool])).tools
    assert read(asked(tools=[found | {"defer_loading": False}, tool])).tools != read(asked(tools=[tool])).tools


@pytest.mark.parametrize("nothing", [[], None])
def test_an_empty_list_of_tools_is_none(nothing: object) -> None:
    assert read(asked(tools=nothing, system=nothing)) == read(asked())


def test_the_order_of_fields_counts_and_the_layout_does_not() -> None:
    tool = {"name": "f", "description": "d"}
    turned = {"description": "d", "name": "f"}
    assert read(asked(tools=[tool])).tools != read(asked(tools=[turned])).tools
    spaced = known(read_regions(json.dumps(asked(tools=[tool]), indent=2).encode(), MARKED))
    assert spaced == read(asked(tools=[tool]))


def noisy(draw: Callable[..., Any], value: Any) -> Any:
    """The same, with marks, and with a text in place of a list of one."""
    match value:
        case {"content": list(content), **rest}:
            alone = len(content) == 1 and content[0].keys() == {"type", "text"} and draw(st.booleans())
            bare = content[0]["text"] if alone else [noisy(draw, each) for each in content]
            value = rest | {"content": bare}
    return value | {"cache_control": MARK} if "role" not in value and draw(st.booleans()) else value


@given(st.data(), MESSAGES, MESSAGES, TOOLS, TOOLS)
def test_regions_are_equal_just_where_what_is_asked_is_equal(
    data: st.DataObject, one: list[Body], other: list[Body], tools: list[Body], others: list[Body]
) -> None:
    def regions(messages: list[Body], tools: list[Body]) -> Read | None:
        body = {
            "messages": [noisy(data.draw, each) for each in messages],
            "tools": [noisy(data.draw, each) for each in tools],
        }
        indent = data.draw(st.sampled_from([None, 1]))
        return known(read_regions(json.dumps(body, indent=indent).encode(), MARKED))

    first, second = regions(one, tools), regions(other, others)
    assert (first is None, second is None) == (not one, not other)
    if first is not None and second is not None:
        assert (first.tools == second.tools) is (tools == others)
        assert (first.messages == second.messages) is (_after_system(one) == _after_system(other))
        assert (first.system == second.system) is (_system(one) == _system(other))


def _system(messages: list[Body]) -> list[Body]:
    return messages[: len(messages) - len(_after_system(messages))]


def _after_system(messages: list[Body]) -> list[Body]:
    rest = list(messages)
    while rest and rest[0]["role"] == "system":
        rest.pop(0)
    return rest


def begun(body: Body, fields: RegionFields = MARKED) -> tuple[bytes, bytes] | None:
    """The beginning of a prompt."""
    found = done(read_beginning(json.dumps(body).encode(), fields))
    return None if found is None else (found.system, found.first)


@given(MESSAGES, BLOCKS, st.booleans())
def test_the_beginning_is_that_of_the_regions_however_long_the_rest_is(
    messages: list[Body], system: list[Body], long: bool
) -> None:
    body = {"system": system, "messages": messages}
    found = read(body) if messages else None
    more = [{"role": "user", "content": "x" * LONG}] if long and messages and found and found.messages else []
    expected = None if found is None else (found.system, found.messages[0] if found.messages else b"")
    assert begun({**body, "messages": [*messages, *more]}) == expected


def test_a_beginning_that_is_not_there_is_none() -> None:
    fields = RegionFields("input", elsewhere=frozenset({"previous"}))
    assert begun({"input": "hi", "previous": "r1"}, fields) is None
    assert begun({"input": "hi", "previous": None}, fields) is not None
    assert begun({"input": None}, fields) is None
    assert done(read_beginning(b"[1]", fields)) is None
    assert begun({"input": [[]]}, fields) == (b"", b"[]")


def test_a_long_conversation_is_read_in_steps_and_not_to_its_end() -> None:
    body = json.dumps({"messages": [{"role": "user", "content": "y" * 9}] * (LONG // 10)}).encode()
    assert len(list(read_beginning(body, MARKED))) == 1
    first = json.dumps({"messages": [{"role": "user", "content": "y" * (4 * LONG)}]}).encode()
    assert len(list(read_beginning(first, MARKED))) > 4 * LONG // STEP
