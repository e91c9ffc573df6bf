"""Requests there and back: what one half sends, the other half reads."""

from base64 import b64encode
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from dragoman.protocols.losses import losses
from dragoman.protocols.openai_chat import (
    NAME,
    OpenAIChatClient,
    OpenAIChatServer,
    Variant,
)
from dragoman.protocols.tools.no_arguments import with_arguments
from dragoman.types import (
    AnyPart,
    Audio,
    CacheBreakpoint,
    ChatRequest,
    Extra,
    File,
    HttpRequest,
    Image,
    Message,
    Reasoning,
    ReasoningConfig,
    Refusal,
    ResponseFormat,
    ServerRequest,
    Text,
    Tool,
    ToolCall,
    ToolChoice,
    ToolResult,
    Unknown,
    UnknownTool,
)
from tests.support.env import fixed_env

SERVER = OpenAIChatServer()


words = st.text(st.characters(codec="utf-8"), max_size=12)
names = st.from_regex(r"[a-z_]{1,12}", fullmatch=True)
base64 = st.binary(min_size=1, max_size=6).map(lambda data: b64encode(data).decode())
values = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | words, lambda v: st.lists(v, max_size=2), max_leaves=4
)
extras: st.SearchStrategy[Extra] = st.just({}) | st.builds(
    lambda name, value: {NAME: {f"x_{name}": value}}, names, values
)
schemas = st.none() | st.dictionaries(names, values, max_size=2)
flags = st.none() | st.booleans()
ratios = st.none() | st.floats(-2, 2)
breakpoints = st.sampled_from([None, CacheBreakpoint(), CacheBreakpoint(1800), CacheBreakpoint(43200)])
texts = st.builds(Text, text=words, cache=breakpoints, extra=extras)
images = st.builds(
    Image, url=words.map(lambda w: f"https://h/{w}"), detail=st.none() | names, extra=extras
) | st.builds(Image, data=base64, media_type=st.sampled_from(["image/png", "image/svg+xml"]), extra=extras)
files = st.builds(File, file_id=names, service=st.just(NAME), extra=extras) | st.builds(
    File, data=base64, media_type=st.just("application/pdf"), name=words.filter(bool), extra=extras
)
audios = st.builds(Audio, data=base64, media_type=st.sampled_from(["audio/wav", "audio/mp3"]), extra=extras)
refusals = st.builds(Refusal, text=words.filter(bool), extra=extras)
unknowns = names.map(lambda name: Unknown(protocol=NAME, data={"type": f"x_{name}", "x": 1}))
calls = st.builds(
    ToolCall,
    id=names,
    name=names,
    arguments=words,
    input_format=st.sampled_from(["json", "text"]),
    extra=extras,
).map(with_arguments)
thoughts = st.builds(Reasoning, text=words.filter(bool))
said = st.lists(texts | images | audios | files | unknowns, min_size=1, max_size=3).map(tuple)


def turn(role: Any, parts: st.SearchStrategy[tuple[AnyPart, ...]]) -> st.SearchStrategy[Message]:
    return st.builds(Message, role=st.just(role), parts=parts, name=st.none() | names, extra=extras)


answered = st.tuples(
    st.lists(thoughts, max_size=1), st.lists(texts | refusals, max_size=2), st.lists(calls, max_size=2)
).map(lambda groups: tuple(part for group in groups for part in group))
results = st.builds(
    ToolResult, id=names, parts=st.lists(texts | images, min_size=1, max_size=2).map(tuple), name=st.none() | names
)
messages = (
    turn("system", said)
    | turn("developer", said)
    | turn("user", said)
    | turn("assistant", answered.filter(lambda parts: any(not isinstance(part, Reasoning) for part in parts)))
    | st.builds(Message, role=st.just("tool"), parts=results.map(lambda result: (result,)), extra=extras)
)
tools = (
    st.builds(Tool, name=names, description=st.none() | words, parameters=schemas, strict=flags, extra=extras)
    | st.builds(
        Tool,
        name=names.map(lambda name: f"free_{name}"),
        description=st.none() | words,
        input_format=st.just("text"),
        grammar=st.none() | st.tuples(st.sampled_from(["lark", "regex"]), words),
        extra=extras,
    )
    | names.map(lambda name: UnknownTool(NAME, {"type": f"x_{name}"}))
)
choices = (
    st.none()
    | st.builds(ToolChoice, st.sampled_from(["auto", "none", "required"]))
    | names.map(lambda n: ToolChoice("tool", n))
)
formats = st.sampled_from([None, ResponseFormat("text"), ResponseFormat("json_object")]) | st.builds(
    ResponseFormat, st.just("json_schema"), name=names, schema=schemas, description=st.none() | words, strict=flags
)
requests = st.builds(
    ChatRequest,
    model=words,
    messages=st.lists(messages, min_size=1, max_size=4).map(tuple),
    tools=st.lists(tools, max_size=2).map(tuple),
    tool_choice=choices,
    parallel_tool_calls=flags,
    response_format=formats,
    max_output_tokens=st.none() | st.integers(1, 1 << 20),
    temperature=ratios,
    top_p=ratios,
    top_k=st.none() | st.integers(0, 99),
    frequency_penalty=ratios,
    presence_penalty=ratios,
    stop=st.lists(words, max_size=3).map(tuple),
    seed=st.none() | st.integers(-(1 << 62), 1 << 62),
    reasoning=st.none() | st.builds(ReasoningConfig, effort=names),
    user=st.none() | words,
    top_logprobs=st.none() | st.integers(0, 20),
    verbosity=st.none() | names,
    service_tier=st.sampled_from([None, "auto", "standard", "flex", "fast", "odd"]),
    modalities=st.lists(names, max_size=2).map(tuple),
    metadata=st.none() | st.dictionaries(words, words, max_size=2),
    safety_identifier=st.none() | words,
    cache_key=st.none() | words,
    store=flags,
    extra=extras,
).map(lambda request: request if request.tools else replace(request, tool_choice=None, parallel_tool_calls=None))


@settings(derandomize=True, database=None, deadline=None, max_examples=60, suppress_health_check=[HealthCheck.too_slow])
@given(requests, st.sampled_from(["max_tokens", "max_completion_tokens"]))
def test_what_one_half_sends_the_other_half_reads(request: ChatRequest, field: str) -> None:
    client = OpenAIChatClient("http://up/v1", Variant(max_tokens_field=field, breakpoints="prompt_cache_breakpoint"))
    message = client.encode_request(request, fixed_env())
    assert isinstance(message, HttpRequest)
    assert losses(request, client.expresses, client.name) == ()
    assert SERVER.decode_request(ServerRequest(method="POST", path="/", body=message.body)) == request
