"""Canonical values for tests: one of each kind, and strategies for any."""

from hypothesis import strategies as st

from dragoman.types import (
    AnyPart,
    Audio,
    CacheBreakpoint,
    ChatResponse,
    Citation,
    File,
    HostedCall,
    HostedResult,
    Image,
    LostExtra,
    LostField,
    Metadata,
    OpaqueState,
    PartDelta,
    PartEnd,
    PartStart,
    Reasoning,
    Refusal,
    ResponseEnd,
    ResponseStart,
    StreamEvent,
    Text,
    TokenLogprob,
    ToolCall,
    ToolResult,
    Unknown,
    Usage,
)

EXTRA = {"openai-chat": {"odd": [1, {"two": None}]}}

PARTS: tuple[AnyPart, ...] = (
    Text(text="a\u2028b", extra=EXTRA),
    Refusal(text="no"),
    Reasoning(text="hm", opaque=OpaqueState("own", "c2ln")),
    Image(url="https://example.org/a.png", detail="low"),
    Image(data="AAAA", media_type="image/png"),
    Audio(data="AAAA", media_type="audio/wav"),
    File(file_id="file_1", name="a.pdf"),
    ToolCall(id="call_1", name="f", arguments='{"a":1}'),
    ToolResult(id="call_1", parts=(Text(text="4"), Image(url="data:,")), name="f", is_error=True),
    HostedCall(id="ws_1", tool="web_search", arguments='{"query":"a"}'),
    HostedResult(id="ws_1", tool="web_search", parts=(Text(text="found"),)),
    Unknown(protocol="anthropic", data={"type": "container_upload", "n": 1.5}),
)

CITATION = Citation(kind="url", url="https://example.org", title="a", text_range=(0, 1))
LOGPROB = TokenLogprob("a", -0.5, (97,), (TokenLogprob("b", -1.5),))

FULL_PARTS: tuple[AnyPart, ...] = (
    Text(text="a", citations=(CITATION,), logprobs=(LOGPROB,), item="msg_1", cache=CacheBreakpoint(300)),
    Reasoning(text="", form="redacted", opaque=OpaqueState("p", "x", "origin")),
    Image(file_id="file_1", service="openai-responses"),
    Audio(data="AAAA", media_type="audio/wav", transcript="oh"),
    ToolCall(id="call_1", name="f", arguments="any text", input_format="text", namespace="n"),
    Unknown(protocol="openai-responses", data={"type": "item_reference", "id": "a"}, essential=True),
)
"""Parts with attributes that are rarely set."""

EVENTS: tuple[StreamEvent, ...] = (
    ResponseStart("id", "model", 7, (LostField("stop"), LostExtra("n", "openai-chat")), EXTRA),
    PartStart(PARTS[0]),
    PartDelta("x"),
    PartEnd(OpaqueState("p", "signature")),
    PartDelta("x", (LOGPROB,)),
    Metadata(citations=(CITATION,), transcript="oh", usage=Usage(1), extra=EXTRA),
    PartEnd(extra=EXTRA),
    ResponseEnd("tool_call", Usage(1, 2, 3, 4, 5), "tool_calls", "STOP", detail="why"),
)

texts = st.text(max_size=8)
maybe = st.none() | texts
counts = st.none() | st.integers(0, 5)

parts: st.SearchStrategy[AnyPart] = st.one_of(
    st.builds(Text, text=texts),
    st.builds(Refusal, text=texts),
    st.builds(Reasoning, text=texts, opaque=st.none() | st.builds(OpaqueState, texts, texts)),
    st.builds(ToolCall, id=texts, name=texts, arguments=texts),
    st.sampled_from(PARTS + FULL_PARTS),
)

responses = st.builds(
    ChatResponse,
    id=maybe,
    model=maybe,
    created=st.none() | st.integers(0, 9),
    parts=st.lists(parts, max_size=5).map(tuple),
    finish_reason=st.sampled_from(("stop", "length", "tool_call", "content_filter", "refusal", "pause", "other")),
    usage=st.none() | st.builds(Usage, counts, counts, counts, counts, counts),
    native_finish_reason=maybe,
    stop_sequence=maybe,
    losses=st.lists(texts.map(LostField), max_size=2).map(tuple),
    extra=st.sampled_from(({}, EXTRA)),
)
