"""Requests and answers there and back: what one half writes, the other half reads."""

from base64 import b64encode
from typing import Any

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from dragoman.protocols.openai_responses import NAME, OpenAIResponsesClient, OpenAIResponsesServer
from dragoman.protocols.tools.no_arguments import with_arguments
from dragoman.types import (
    AnyPart,
    Audio,
    CacheBreakpoint,
    ChatRequest,
    ChatResponse,
    Citation,
    Extra,
    File,
    HostedTool,
    HttpRequest,
    Image,
    Message,
    OpaqueState,
    Reasoning,
    ReasoningConfig,
    Refusal,
    ResponseFormat,
    ServerRequest,
    Text,
    TokenLogprob,
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

SERVER, CLIENT = OpenAIResponsesServer(), OpenAIResponsesClient("http://up/v1", breakpoints=True)

words = st.text(st.characters(codec="utf-8"), max_size=6)
names = st.sampled_from(["a", "weather", "get_x", "_z"])
base64 = st.binary(min_size=1, max_size=6).map(lambda data: b64encode(data).decode())
values = st.recursive(
    st.booleans() | st.integers(-9, 9) | words.filter(bool), lambda v: st.lists(v, min_size=1, max_size=2), max_leaves=4
)
extras: st.SearchStrategy[Extra] = st.just({}) | st.builds(
    lambda name, value: {NAME: {f"x_{name}": value}}, names, values
)
schemas = st.none() | st.dictionaries(names, values, max_size=2)
flags = st.none() | st.booleans()
ratios = st.none() | st.floats(-2, 2)
breakpoints = st.sampled_from([None, CacheBreakpoint(), CacheBreakpoint(1800), CacheBreakpoint(43200)])

texts = st.builds(Text, text=words, cache=breakpoints, extra=extras)
images = st.builds(Image, url=words.map(lambda w: f"https://h/{w}"), detail=names, extra=extras) | st.builds(
    Image, data=base64, media_type=st.sampled_from(["image/png", "image/svg+xml"]), detail=names, extra=extras
)
files = (
    st.builds(File, file_id=names, service=st.just(NAME), name=st.none() | words, extra=extras)
    | st.builds(File, url=words.map(lambda w: f"https://h/{w}"), name=st.none() | words, extra=extras)
    | st.builds(File, data=base64, media_type=st.just("application/pdf"), name=words.filter(bool), extra=extras)
)
audios = st.builds(Audio, data=base64, media_type=st.sampled_from(["audio/wav", "audio/mp3"]), extra=extras)
told = st.lists(texts | images | files | audios, min_size=1, max_size=3).map(tuple)

sources = st.builds(
    Citation,
    kind=st.just("url"),
    url=words,
    title=words,
    text_range=st.tuples(st.integers(0, 9), st.integers(0, 9)),
)
tokens = st.builds(
    TokenLogprob, token=words, logprob=st.floats(-9, 0), bytes=st.lists(st.integers(0, 255), max_size=2).map(tuple)
)
spoken = st.builds(
    Text,
    text=words,
    citations=st.lists(sources, max_size=2).map(tuple),
    logprobs=st.lists(tokens, max_size=1).map(tuple),
    extra=extras,
) | st.builds(Refusal, text=words, extra=extras)
calls = st.builds(
    ToolCall,
    id=names,
    name=names,
    arguments=words,
    input_format=st.sampled_from(["json", "text"]),
    namespace=st.none() | names,
    extra=extras,
).map(with_arguments)
thoughts = st.builds(
    lambda forms, secret: [
        Reasoning(text=text, form=form, opaque=OpaqueState(NAME, secret) if i == len(forms) - 1 else None)
        for i, (text, form) in enumerate(sorted(forms, key=lambda each: each[1] == "full"))
    ],
    st.lists(st.tuples(words, st.sampled_from(["summary", "full"])), min_size=1, max_size=3),
    names,
) | names.map(lambda secret: [Reasoning(text="", form="redacted", opaque=OpaqueState(NAME, secret))])
unknowns = names.map(lambda name: Unknown(protocol=NAME, data={"type": f"x_{name}_call", "x": 1}))


@st.composite
def answered(draw: st.DrawFn) -> Message:
    """What a model said: several items, each with an id of its own."""
    parts: list[AnyPart] = []
    for i in range(draw(st.integers(1, 4))):
        match draw(st.integers(0, 3)):
            case 0:
                parts += [replace(part, item=f"rs_{i}") for part in draw(thoughts)]
            case 1:
                parts += [replace(part, item=f"msg_{i}") for part in draw(st.lists(spoken, min_size=1, max_size=2))]
            case 2:
                # A later turn may use an id again, as some services do.
                parts.append(replace(draw(calls), id=f"call_{i}", item=draw(st.sampled_from([None, f"fc_{i}"]))))
            case _:
                parts.append(draw(unknowns))
    return Message("assistant", tuple(parts))


@st.composite
def conversations(draw: st.DrawFn) -> tuple[Message, ...]:
    """Turns, with results for all calls."""
    messages: list[Message] = []
    if draw(st.booleans()):
        messages.append(Message("system", (Text(text=draw(words)),), top_level=True))
    for _ in range(draw(st.integers(1, 3))):
        messages.append(Message(draw(st.sampled_from(["user", "system", "developer"])), draw(told), extra=draw(extras)))
        turn = draw(answered())
        messages.append(turn)
        for part in turn.parts:
            if isinstance(part, ToolCall):
                given = draw(st.lists(texts | images | files, min_size=1, max_size=2))
                result = ToolResult(id=part.id, parts=tuple(given), input_format=part.input_format, extra=draw(extras))
                messages.append(Message("tool", (result,)))
    return tuple(messages)


tools = (
    st.builds(
        Tool,
        name=names,
        description=st.none() | words,
        parameters=schemas,
        strict=st.booleans(),
        output=schemas,
        defer_loading=flags,
        extra=extras,
    )
    | st.builds(
        Tool,
        name=names.map(lambda name: f"free_{name}"),
        description=st.none() | words,
        input_format=st.just("text"),
        grammar=st.none() | st.tuples(st.sampled_from(["lark", "regex"]), words),
        extra=extras,
    )
    | st.builds(
        HostedTool,
        tool=st.just("web_search"),
        allowed=st.lists(names, max_size=2).map(tuple),
        location=st.none() | names.map(lambda city: {"city": city}),
        context_size=st.none() | names,
        extra=extras,
    )
    | names.map(lambda name: UnknownTool(NAME, {"type": f"x_{name}"}))
)
choices = (
    st.none()
    | st.builds(ToolChoice, st.sampled_from(["auto", "none", "required"]))
    | names.map(lambda name: ToolChoice("tool", name))
    | names.map(lambda name: ToolChoice("auto", names=(name,)))
    | st.just(ToolChoice("tool", hosted="web_search"))
)
formats = st.sampled_from([None, ResponseFormat("text"), ResponseFormat("json_object")]) | st.builds(
    ResponseFormat,
    st.just("json_schema"),
    name=names,
    schema=st.dictionaries(names, values, max_size=2),
    description=st.none() | words,
    strict=st.booleans(),
)
thinking = st.none() | st.builds(
    ReasoningConfig, effort=names, display=st.sampled_from([None, "summary"]), extra=extras
)
requests = st.builds(
    ChatRequest,
    model=words,
    messages=conversations(),
    tools=st.lists(tools, max_size=2).map(tuple),
    tool_choice=choices,
    parallel_tool_calls=flags,
    response_format=formats,
    max_output_tokens=st.none() | st.integers(16, 1 << 20),
    temperature=ratios,
    top_p=ratios,
    frequency_penalty=ratios,
    presence_penalty=ratios,
    reasoning=thinking,
    top_logprobs=st.none() | st.integers(0, 20),
    verbosity=st.none() | names,
    service_tier=st.sampled_from([None, "auto", "standard", "flex", "fast", "odd"]),
    metadata=st.none() | st.dictionaries(words, words, max_size=2),
    user=st.none() | words,
    safety_identifier=st.none() | words,
    cache_key=st.none() | words,
    store=st.booleans(),
    truncate=flags,
)


def written(request: ChatRequest) -> ChatRequest:
    """`request`, as the other half reads it: what it remembers of its own form is left out."""
    message = CLIENT.encode_request(request, fixed_env())
    assert isinstance(message, HttpRequest)
    read = SERVER.decode_request(ServerRequest(method="POST", path="/", body=message.body))
    extra: dict[str, Any] = {name: dict(said) for name, said in read.extra.items()}
    extra.get(NAME, {}).pop("include", None)
    return replace(read, extra={name: said for name, said in extra.items() if said}, silent=())


steady = settings(
    derandomize=True,
    database=None,
    deadline=None,
    max_examples=60,
    phases=[Phase.explicit, Phase.generate],  # to make a request smaller that fails takes a minute
    suppress_health_check=[HealthCheck.too_slow],
)


@steady
@given(requests)
def test_what_one_half_sends_the_other_half_reads(request: ChatRequest) -> None:
    assert CLIENT.losses(request, fixed_env().profile) == ()
    assert written(request) == request


@st.composite
def answers(draw: st.DrawFn) -> tuple[AnyPart, ...]:
    """What a service answers: each item has an id, and no text is empty."""
    return tuple(map(_sayable, draw(answered()).parts))


def _sayable(part: AnyPart) -> AnyPart:
    match part:
        case Reasoning(form="redacted"):
            return part
        case Text(text="") | Refusal(text="") | Reasoning(text=""):
            return replace(part, text="a")
        case ToolCall(id=call):
            return replace(part, item=f"fc_{call}")
        case _:
            return part


responses = st.builds(
    ChatResponse,
    id=names.map(lambda name: f"resp_{name}"),
    model=names,
    created=st.integers(1, 1 << 31),
    parts=answers(),
    finish_reason=st.sampled_from(["length", "content_filter"]),
    usage=st.none()
    | st.builds(
        Usage,
        input_tokens=st.integers(20, 99),
        output_tokens=st.integers(10, 99),
        cache_read_tokens=st.integers(0, 9),
        cache_write_tokens=st.integers(0, 9),
        reasoning_tokens=st.integers(0, 9),
    ),
)


@steady
@given(responses, st.booleans())
def test_an_answer_that_one_half_writes_the_other_half_reads(response: ChatResponse, stream: bool) -> None:
    got, expected = there_and_back(SERVER, CLIENT, response, stream=stream), owned(response, CLIENT)
    assert got.parts == expected.parts
    assert replace(got, native_finish_reason=None, extra={}) == expected
