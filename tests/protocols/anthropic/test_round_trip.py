"""Requests and answers there and back: what one half writes, the other half reads."""

import json
from base64 import b64encode
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dragoman.protocols.anthropic import NAME, AnthropicClient, AnthropicServer
from dragoman.protocols.anthropic.breakpoints import MOST, surplus, within_limit
from dragoman.protocols.anthropic.request import NEWEST_VERSION
from dragoman.protocols.speech import OURS
from dragoman.types import (
    CacheBreakpoint,
    ChatRequest,
    ChatResponse,
    Citation,
    Extra,
    File,
    HostedCall,
    HostedResult,
    HttpRequest,
    Image,
    Message,
    ModelProfile,
    OpaqueState,
    Reasoning,
    ReasoningConfig,
    ResponseFormat,
    ServerRequest,
    Text,
    Tool,
    ToolCall,
    ToolChoice,
    ToolResult,
    Unknown,
    UnknownTool,
    Usage,
)
from tests.support.env import fixed_env
from tests.support.round_trip import owned, there_and_back

SERVER = AnthropicServer()
CLIENT = AnthropicClient("http://up")

words = st.text(st.characters(codec="utf-8"), min_size=1, max_size=12)
names = st.from_regex(r"[a-z_]{1,12}", fullmatch=True)
base64 = st.binary(min_size=1, max_size=6).map(lambda data: b64encode(data).decode())
values = st.recursive(st.booleans() | st.integers(-9, 9) | words, lambda v: st.lists(v, max_size=2), max_leaves=4)
extras: st.SearchStrategy[Extra] = st.just({}) | st.builds(
    lambda name, value: {NAME: {f"x_{name}": value}}, names, values
)
flags = st.none() | st.booleans()
ratios = st.none() | st.floats(0, 1)
breakpoints = st.sampled_from([None, CacheBreakpoint(), CacheBreakpoint(300), CacheBreakpoint(3600)])
objects = st.dictionaries(names, values, max_size=2).map(json.dumps) | st.sampled_from(
    ["{}", '{"n": 1.0}', '{"n":12345678901234567890123, "e": 1E5}', '{ "a" :\n[ ] }']
)
states = st.builds(OpaqueState, st.just(NAME), base64)
located = st.builds(
    Citation,
    kind=st.just("document"),
    source=st.integers(0, 9),
    title=st.none() | words,
    quote=words,
    location=st.tuples(st.sampled_from(["char", "page", "block"]), st.integers(0, 9), st.integers(0, 9)),
    extra=extras,
)
found = st.builds(
    Citation,
    kind=st.just("url"),
    url=words,
    title=st.none() | words,
    quote=words,
    extra=base64.map(lambda index: {NAME: {"encrypted_index": index}}),
)
texts = st.builds(
    Text, text=words, citations=st.lists(located | found, max_size=2).map(tuple), cache=breakpoints, extra=extras
)
media = {"cache": breakpoints, "extra": extras}
images = (
    st.builds(Image, url=words, **media)
    | st.builds(Image, data=base64, media_type=st.just("image/png"), **media)
    | st.builds(Image, file_id=names, service=st.just(NAME), **media)
)
files = (
    st.builds(File, data=base64, media_type=st.just("application/pdf"), name=st.none() | words, **media)
    | st.builds(
        File, data=words.map(lambda text: b64encode(text.encode()).decode()), media_type=st.just("text/plain"), **media
    )
    | st.builds(File, url=words, **media)
)
unknowns = names.map(lambda name: Unknown(protocol=NAME, data={"type": f"x_{name}", "x": 1}))
calls = st.builds(ToolCall, id=names, name=names, arguments=objects, cache=breakpoints, extra=extras)
thoughts = st.builds(Reasoning, text=st.just("") | words, opaque=states) | st.builds(
    lambda state: Reasoning(
        text="", form="redacted", opaque=msgspec.structs.replace(state, data=f"redacted.{state.data}")
    ),
    states,
)
hosted_ids = names.map("srvtoolu_{}".format)
searches = st.builds(
    HostedCall, id=hosted_ids, tool=st.just("web_search"), name=st.just("web_search"), arguments=objects, extra=extras
)
hits = st.builds(
    HostedResult,
    id=hosted_ids,
    tool=st.just("web_search"),
    extra=values.map(lambda value: {NAME: {"type": "web_search_tool_result", "content": [value]}}),
)
said = st.lists(texts | images | files | unknowns, min_size=1, max_size=3).map(tuple)
answered = st.lists(texts | thoughts | calls | searches | hits | unknowns, min_size=1, max_size=4).map(tuple)


@st.composite
def turns(draw: st.DrawFn) -> tuple[Message, ...]:
    """Turns by turns, with a result for each call."""
    messages = [Message("user", draw(said), extra=draw(extras))]
    for _ in range(draw(st.integers(0, 2))):
        parts = draw(answered)
        messages.append(Message("assistant", parts, extra=draw(extras)))
        ids = list(dict.fromkeys(part.id for part in parts if isinstance(part, ToolCall)))
        results = tuple(
            ToolResult(
                id=each,
                parts=draw(st.lists(texts | images | files | unknowns, max_size=2).map(tuple)),
                is_error=draw(st.booleans()),
                cache=draw(breakpoints),
            )
            for each in ids
        )
        if results:
            messages.append(Message("tool", results))
        if not results or draw(st.booleans()):
            messages.append(Message("user", draw(said)))
    return tuple(messages)


systems = st.just(()) | st.builds(
    lambda parts: (Message("system", parts, top_level=True),), st.lists(texts, min_size=1, max_size=2).map(tuple)
)
tools = st.builds(
    Tool,
    name=names,
    description=st.none() | words,
    parameters=st.dictionaries(names, values, max_size=2),
    strict=flags,
    defer_loading=flags,
    cache=breakpoints,
    extra=extras,
) | names.map(lambda name: UnknownTool(NAME, {"type": f"x_{name}", "name": name}))
choices = st.sampled_from([ToolChoice("auto"), ToolChoice("required"), ToolChoice("tool", "a")])
reasonings = (
    st.none()
    | st.builds(
        ReasoningConfig,
        st.sampled_from(["adaptive", "off"]),
        st.none() | st.sampled_from(["low", "max", "odd"]),
        display=st.none(),
    )
    | st.builds(
        ReasoningConfig,
        st.just("on"),
        budget_tokens=st.integers(1024, 4096),
        display=st.sampled_from([None, "summary"]),
    )
)


def asked(
    system: Any, messages: Any, choice: ToolChoice | None, listed: list[Any], parallel: bool | None, **fields: Any
) -> ChatRequest:
    """A request that the service takes: thinking goes with few other settings."""
    config = fields["reasoning"]
    if config is not None and config.mode != "off":
        fields |= {"temperature": None, "top_p": None, "top_k": None}
        choice = None if choice is None else ToolChoice("auto")
        if config.budget_tokens is not None and 0 < fields["max_output_tokens"] <= config.budget_tokens:
            fields["max_output_tokens"] += config.budget_tokens
    return ChatRequest(
        messages=(*system, *messages),
        tools=tuple(listed),
        tool_choice=choice if listed else None,
        parallel_tool_calls=parallel if listed and choice else None,
        stream=True,
        **fields,
    )


requests = st.builds(
    asked,
    system=systems,
    messages=turns(),
    choice=st.none() | choices,
    listed=st.lists(tools, max_size=2),
    parallel=flags,
    model=words,
    response_format=st.none() | st.builds(ResponseFormat, st.just("json_schema"), schema=st.just({"type": "object"})),
    max_output_tokens=st.integers(0, 1 << 20),
    temperature=ratios,
    top_p=ratios,
    top_k=st.none() | st.integers(0, 99),
    stop=st.lists(words.filter(str.strip), max_size=3).map(tuple),
    reasoning=reasonings,
    user=st.none() | words,
    cache=breakpoints,
    service_tier=st.sampled_from([None, "auto", "standard", "fast"]),
    extra=extras,
)

steady = settings(
    derandomize=True, database=None, deadline=None, max_examples=60, suppress_health_check=[HealthCheck.too_slow]
)


def sent(request: ChatRequest, client: AnthropicClient = CLIENT) -> bytes:
    """The body that a service gets."""
    message = client.encode_request(client.fit(request, ModelProfile()), fixed_env())
    assert isinstance(message, HttpRequest)
    return message.body


def read(body: bytes) -> ChatRequest:
    """What the server half reads."""
    return SERVER.decode_request(ServerRequest(method="POST", path="/v1/messages", body=body))


def without_forms(value: Any) -> Any:
    """A request without the notes on its forms."""

    def kept(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        return {name: item for name, item in pairs if name != OURS and (name, item) != ("extra", {})}

    return json.loads(msgspec.json.encode(value), object_pairs_hook=kept)


@steady
@given(requests)
def test_what_one_half_sends_the_other_half_reads(request: ChatRequest) -> None:
    if request.reasoning is not None and request.reasoning.mode == "on" and request.messages[-1].role == "tool":
        return  # a loop of calls without thinking, which the service refuses
    request = within_limit(request)
    assert CLIENT.losses(request, ModelProfile()) == ()
    assert without_forms(read(sent(request))) == without_forms(request)


@steady
@given(requests)
def test_a_request_has_no_more_breakpoints_than_the_service_takes(request: ChatRequest) -> None:
    assert sent(request).count(b'"cache_control"') <= MOST
    lost = {loss.name for loss in CLIENT.losses(request, ModelProfile())}
    assert lost >= set(surplus(request))


@steady
@given(requests)
def test_what_was_read_is_written_as_it_came(request: ChatRequest) -> None:
    body = sent(request)
    assert json.loads(sent(read(body))) == json.loads(body)


CORPUS: list[dict[str, Any]] = [
    {"messages": [{"role": "user", "content": "x"}]},
    {"messages": [{"role": "user", "content": [{"type": "text", "text": "x"}]}]},
    {"system": "s", "messages": [{"role": "user", "content": "x"}]},
    {"system": [{"type": "text", "text": "s"}], "messages": [{"role": "user", "content": "x"}]},
    {"messages": [{"role": "user", "content": "x"}, {"role": "system", "content": [{"type": "text", "text": "s"}]}]},
    {"messages": [{"role": "user", "content": "x"}, {"role": "user", "content": "y"}]},
    {"messages": [{"role": "user", "content": "x"}, *[{"role": "assistant", "content": "y"}] * 2]},
    {"messages": [{"role": "user", "content": "x"}], "thinking": {"type": "between_tools"}},
    {"messages": [{"role": "user", "content": "x"}], "thinking": {"type": "adaptive", "display": "updates"}},
    {"messages": [{"role": "user", "content": "x"}], "output_config": {"effort": "high", "task_budget": {"a": 1}}},
    {
        "messages": [{"role": "user", "content": "x"}],
        "output_config": {"effort": "high"},
        "output_format": {"type": "json_schema", "schema": {"type": "object"}, "x_more": 1},
    },
    {"messages": [{"role": "user", "content": "x"}], "metadata": {"user_id": "u", "more": 1}},
    {"messages": [{"role": "user", "content": "x"}], "speed": "fast", "service_tier": "auto"},
    {"messages": [{"role": "user", "content": "x"}], "speed": "standard", "inference_geo": "eu"},
    {"messages": [{"role": "user", "content": "x"}], "container": {"id": "c", "skills": []}, "mcp_servers": [{"a": 1}]},
    {
        "messages": [{"role": "user", "content": [{"type": "image", "source": {"type": "new", "x": 1}}]}],
        "output_config": {"format": {"type": "grammar", "x": 1}},
        "output_format": {"type": "grammar", "x": 2},
        "tools": [{"type": "web_search_20250305", "name": "web_search", "allowed_domains": [5]}],
    },
    {
        "messages": [
            {"role": "user", "content": "x"},
            {"role": "assistant", "content": [{"type": "text", "text": "y", "citations": [{"type": "new", "x": 1}]}]},
        ]
    },
    {"messages": [{"role": "user", "content": "x"}], "tools": [{"type": "custom", "name": "a", "input_schema": {}}]},
    {
        "messages": [{"role": "user", "content": "x"}],
        "tools": [
            {"type": "web_search_20250305", "name": "web_search", "max_uses": 2, "allowed_domains": ["a"]},
            {"type": "web_fetch_20250910", "name": "web_fetch", "citations": {"enabled": True}},
            {"type": "tool_search_tool_regex_20251119", "name": "tool_search_tool_regex"},
            {"type": "bash_20250124", "name": "bash"},
        ],
        "tool_choice": {"type": "tool", "name": "web_search", "disable_parallel_tool_use": False},
    },
    {
        "messages": [
            {
                "role": "user",
                "content": [
                    {"type": "text", "text": "x", "cache_control": {"type": "ephemeral", "scope": "global"}},
                    {"type": "document", "source": {"type": "content", "content": "x"}},
                    {
                        "type": "document",
                        "source": {"type": "text", "media_type": "text/plain", "data": "é"},
                        "title": "T",
                    },
                    {"type": "search_result", "source": "s", "title": "t", "content": []},
                    {"type": "container_upload", "file_id": "f"},
                ],
            },
            {"role": "assistant", "content": [{"type": "tool_use", "id": "a", "name": "f", "input": {"n": 1.0}}]},
            {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "a", "is_error": False}]},
            {"role": "assistant", "content": [{"type": "tool_use", "id": "b", "name": "search", "input": {}}]},
            {
                "role": "user",
                "content": [
                    {
                        "type": "tool_result",
                        "tool_use_id": "b",
                        "content": [
                            {"type": "tool_reference", "tool_name": "f", "x_more": 1},
                            {"type": "tool_reference", "tool_name": "g", "cache_control": {"type": "ephemeral"}},
                        ],
                    }
                ],
            },
            {
                "role": "assistant",
                "content": [
                    {"type": "mcp_tool_use", "id": "m", "name": "e", "server_name": "s", "input": {"n": 1}},
                    {"type": "advisor_tool_result", "tool_use_id": "q", "content": {}},
                    {"type": "web_search_tool_result", "tool_use_id": "q", "content": {"type": "e_error"}},
                ],
            },
        ]
    },
    {
        "messages": [
            {"role": "user", "content": "hi"},
            {"role": "system", "output_config": {"effort": "low"}, "clear_at": "never"},
            {"role": "assistant", "content": [{"type": "compaction", "content": "They met.", "signature": "s"}]},
            {"role": "user", "content": "more"},
        ],
        "compaction": {"type": "summarize"},
    },
]


@pytest.mark.parametrize("body", CORPUS)
def test_a_request_of_callers_is_written_as_it_came(body: dict[str, Any]) -> None:
    said = {"model": "m", "max_tokens": 9, **body}
    for version in ("2023-06-01", NEWEST_VERSION):
        client = AnthropicClient("http://up", version=version, signed=True)
        assert json.loads(sent(read(json.dumps(said).encode()), client)) == said | {"stream": True}


def test_the_form_of_an_answer_has_two_places() -> None:
    """The older one was a beta, and callers of that time still write it."""
    form = {"type": "json_schema", "schema": {"type": "object"}}
    said = {"model": "m", "max_tokens": 9, "messages": [{"role": "user", "content": "x"}]}
    for place in ({"output_format": form}, {"output_config": {"format": form}}):
        read_form = read(json.dumps(said | place).encode()).response_format
        assert read_form is not None
        assert (read_form.kind, read_form.schema) == ("json_schema", {"type": "object"})


def test_numbers_of_arguments_are_never_python_s() -> None:
    given_ = b'{"a":12345678901234567890.12345678901234567890, "b": 1E400}'
    block = b'{"type":"tool_use","id":"a","name":"f","input":%b}' % given_
    body = b'{"model":"m","max_tokens":1,"messages":[{"role":"assistant","content":[%b]}]}' % block
    body = body.replace(b'[{"role":"a', b'[{"role":"user","content":"x"},{"role":"a').replace(b"1E400", b"1e5")
    request = read(body)
    (call,) = request.messages[1].parts
    assert isinstance(call, ToolCall)
    assert call.arguments.encode() == given_.replace(b"1E400", b"1e5")
    assert given_.replace(b"1E400", b"1e5") in sent(request)


responses = st.builds(
    ChatResponse,
    id=names,
    model=names,
    parts=st.lists(
        st.builds(Text, text=words, citations=st.lists(located | found, max_size=2).map(tuple), extra=extras)
        | thoughts
        | st.builds(ToolCall, id=names, name=names, arguments=objects, extra=extras)
        | searches
        | hits
        | unknowns,
        max_size=4,
    ).map(tuple),
    finish_reason=st.sampled_from(["length", "refusal", "pause", "tool_call"]),
    usage=st.builds(
        Usage,
        input_tokens=st.integers(20, 99),
        output_tokens=st.integers(0, 9),
        cache_read_tokens=st.none() | st.integers(0, 9),
        cache_write_tokens=st.none() | st.integers(0, 9),
        reasoning_tokens=st.none() | st.integers(0, 9),
        details=st.dictionaries(st.sampled_from(["cache_write.5m", "tool.web_search"]), st.integers(0, 9)),
    ),
    detail=st.none() | words,
    stop_sequence=st.none() | words,
)


@steady
@given(responses, st.booleans())
def test_an_answer_that_one_half_writes_the_other_half_reads(response: ChatResponse, stream: bool) -> None:
    got, expected = there_and_back(SERVER, CLIENT, response, stream=stream), owned(response, CLIENT)
    if expected.finish_reason != "refusal":  # only it has details
        expected = msgspec.structs.replace(expected, detail=None)
    for each in (got, expected):
        each.extra.get(NAME, {}).pop("stop_details", None)
    assert msgspec.structs.replace(got, native_finish_reason=None, extra={}) == expected
