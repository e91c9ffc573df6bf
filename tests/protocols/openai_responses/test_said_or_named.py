"""Whatever is set in a request or an answer is in the bytes, or in the list of what was lost: nothing is neither."""

import json
from typing import Any, get_args

import pytest
from msgspec.structs import fields, replace

from dragoman.protocols.answer_losses import answer_losses
from dragoman.protocols.losses import HOSTED_DETAILS
from dragoman.protocols.openai_responses import NAME, OpenAIResponsesClient, OpenAIResponsesServer
from dragoman.protocols.speech import DETAILS, TOOL_DETAILS
from dragoman.protocols.tools.search import MARK as SEARCHING
from dragoman.types import (
    AnyPart,
    AnyTool,
    Audio,
    CacheBreakpoint,
    ChatRequest,
    ChatResponse,
    Citation,
    File,
    HostedCall,
    HostedKind,
    HostedResult,
    HostedTool,
    Image,
    Message,
    OpaqueState,
    Reasoning,
    ReasoningConfig,
    Refusal,
    ResponseFormat,
    Text,
    TokenLogprob,
    Tool,
    ToolCall,
    ToolChoice,
    ToolResult,
    Unknown,
    UnknownTool,
    Usage,
    names,
    unfold,
    user,
)
from tests.support.env import fixed_env

CLIENT = OpenAIResponsesClient("http://up/v1")
OPENAI = OpenAIResponsesClient("http://up/v1", penalties=False, own_ids=True)
SERVER = OpenAIResponsesServer()
MARK = "marker"
OTHER = {"gemini": {"x_marker": 1}}

FIELDS: dict[str, tuple[Any, str]] = {
    "tools": ((Tool(MARK),), MARK),
    "tool_choice": (ToolChoice("tool", MARK), MARK),
    "parallel_tool_calls": (False, '"parallel_tool_calls":false'),
    "response_format": (ResponseFormat("json_schema", name=MARK), MARK),
    "max_output_tokens": (1717, "1717"),
    "temperature": (0.125, "0.125"),
    "top_p": (0.25, "0.25"),
    "top_k": (17, '"top_k":17'),
    "frequency_penalty": (0.375, "0.375"),
    "presence_penalty": (0.625, "0.625"),
    "stop": ((MARK,), MARK),
    "seed": (1718, "1718"),
    "reasoning": (ReasoningConfig(effort=MARK), MARK),
    "top_logprobs": (7, '"top_logprobs":7'),
    "candidate_count": (3, '"n":3'),
    "verbosity": (MARK, MARK),
    "service_tier": (MARK, MARK),
    "modalities": ((MARK,), MARK),
    "metadata": ({"a": MARK}, MARK),
    "user": (MARK, MARK),
    "safety_identifier": (MARK, MARK),
    "cache": (CacheBreakpoint(1800), "30m"),
    "cache_key": (MARK, MARK),
    "store": (True, '"store":true'),
    "truncate": (True, '"truncation":"auto"'),
    "compact": (True, "compaction_trigger"),
    "extra": (OTHER, MARK),
}
"""Fields of a request to a value, and to what shows it in the bytes."""

APART = {"model", "trace", "source", "messages", "stream", "include_usage", "essential", "silent"}


def sent(request: ChatRequest, client: OpenAIResponsesClient) -> tuple[str, tuple[str, ...]]:
    """The bytes, and what was lost or changed."""
    env = fixed_env()
    message = client.encode_request(client.fit(request, env.profile), env)
    return message.body.decode(), names(client.losses(request, env.profile))


def asked(*parts: AnyPart, role: Any = "user", **more: Any) -> ChatRequest:
    """A request with one turn of these parts."""
    return ChatRequest(model="m", messages=(Message(role, parts or (Text(text="x"),)),), **more)


@pytest.mark.parametrize("client", [CLIENT, OPENAI], ids=["any service", "OpenAI"])
@pytest.mark.parametrize("name", FIELDS)
def test_each_field_of_a_request(name: str, client: OpenAIResponsesClient) -> None:
    value, shown = FIELDS[name]
    body, lost = sent(asked(**{name: value}), client)
    assert (shown in body) != any(name.split(".", maxsplit=1)[0] in each or MARK in each for each in lost), (body, lost)


def test_every_field_of_a_request_is_tried() -> None:
    assert {field.name for field in fields(ChatRequest)} == FIELDS.keys() | APART


@pytest.mark.parametrize(
    ("config", "effort", "changed"),
    [
        (ReasoningConfig(mode="off"), "none", ()),
        (ReasoningConfig(mode="off", effort="high"), "none", ("reasoning.effort",)),
        (ReasoningConfig(mode="on"), None, ("reasoning.mode",)),
        (ReasoningConfig(mode="adaptive", effort="low"), "low", ()),
        (ReasoningConfig(budget_tokens=0), "none", ("reasoning.budget_tokens",)),
        (ReasoningConfig(budget_tokens=9000), "high", ("reasoning.budget_tokens",)),
        (ReasoningConfig(effort="xhigh", display="summary"), "xhigh", ()),
        (ReasoningConfig(effort="low", display="full"), "low", ("reasoning.display",)),
    ],
)
def test_how_much_to_think(config: ReasoningConfig, effort: str | None, changed: tuple[str, ...]) -> None:
    body, lost = sent(asked(reasoning=config), CLIENT)
    assert json.loads(body).get("reasoning", {}).get("effort") == effort
    assert lost == changed


def test_a_limit_below_the_least_is_raised_and_named() -> None:
    body, lost = sent(asked(max_output_tokens=5), CLIENT)
    assert json.loads(body)["max_output_tokens"] == 16
    assert lost == ("max_output_tokens",)


TOOLS: dict[str, tuple[AnyTool, str]] = {
    "strict": (Tool("f", strict=True), '"strict":true'),
    "grammar": (Tool("f", input_format="text", grammar=("lark", MARK)), MARK),
    "output": (Tool("f", output={"title": MARK}), MARK),
    "defer_loading": (Tool("f", defer_loading=True), '"defer_loading":true'),
    "namespace": (Tool("f", namespace=MARK), MARK),
    "namespace_description": (Tool("f", namespace="n", namespace_description=MARK), MARK),
    "cache": (Tool("f", cache=CacheBreakpoint(1800)), "30m"),
    "extra": (Tool("f", extra=OTHER), MARK),
    "unknown": (UnknownTool("gemini", {"type": MARK}), MARK),
    "ours": (UnknownTool(NAME, {"type": MARK}), MARK),
}


@pytest.mark.parametrize("name", TOOLS)
def test_each_attribute_of_a_tool(name: str) -> None:
    tool, shown = TOOLS[name]
    body, lost = sent(asked(tools=(tool,)), CLIENT)
    assert (shown in body) != bool(lost), (body, lost)
    assert set(TOOL_DETAILS) <= TOOLS.keys()


SEARCHES: dict[str, dict[str, Any]] = {
    "of the service": {"tools": (HostedTool(tool="tool_search", extra={NAME: {"type": "tool_search"}}),)},
    "of the caller": {"tools": (Tool("tool_search", extra=SEARCHING),)},
    "of a prompt that the service keeps": {"extra": {NAME: {"prompt": {"id": "pmpt_1"}}}},
}


@pytest.mark.parametrize("fields", SEARCHES.values(), ids=SEARCHES)
def test_tools_stay_deferred_beside_a_search(fields: dict[str, Any]) -> None:
    late = Tool("f", defer_loading=True)
    body, lost = sent(asked(**{**fields, "tools": (*fields.get("tools", ()), late)}), CLIENT)
    assert '"defer_loading":true' in body
    assert not lost


HOSTED: dict[str, tuple[Any, str]] = {
    "allowed": ((MARK,), MARK),
    "blocked": ((MARK,), MARK),
    "location": ({"city": MARK}, MARK),
    "max_uses": (1719, "1719"),
    "context_size": (MARK, MARK),
    "label": (MARK, MARK),
    "url": (MARK, MARK),
    "authorization": (MARK, MARK),
}
KINDS = get_args(HostedKind)


@pytest.mark.parametrize("kind", KINDS)
def test_each_setting_of_a_hosted_tool(kind: Any) -> None:
    assert tuple(HOSTED) == HOSTED_DETAILS
    for name, (value, shown) in HOSTED.items():
        body, lost = sent(asked(tools=(HostedTool(tool=kind, **{name: value}),)), CLIENT)
        assert (shown in body) != any(each in {f"tools[0].{name}", f"tools[0] ({kind})"} for each in lost), (body, lost)


@pytest.mark.parametrize("kind", KINDS)
def test_each_choice_of_a_hosted_tool(kind: Any) -> None:
    tools = (HostedTool(tool=kind),)
    body, lost = sent(asked(tools=tools, tool_choice=ToolChoice("tool", hosted=kind)), CLIENT)
    assert ("tool_choice" in json.loads(body)) != any(name.startswith("tool_choice") for name in lost), (body, lost)


OWN = OpaqueState(NAME, MARK, CLIENT.origin("m"))
FOREIGN = OpaqueState("anthropic", MARK, "abcdefgh")
SOURCE = Citation(kind="document", title=MARK)
TOKEN = TokenLogprob(MARK, -0.5)
RESULT = ToolResult(id="c1", parts=(Text(text="x"),))

PARTS: dict[str, tuple[str, AnyPart]] = {
    "text": ("user", Text(text=MARK)),
    "text.opaque": ("assistant", Text(text="x", opaque=FOREIGN)),
    "text.citations": ("assistant", Text(text="x", citations=(SOURCE,))),
    "text.logprobs": ("assistant", Text(text="x", logprobs=(TOKEN,))),
    "text.cache": ("user", Text(text="x", cache=CacheBreakpoint(43200))),
    "text.extra": ("user", Text(text="x", extra=OTHER)),
    "refusal": ("assistant", Refusal(text=MARK)),
    "refusal.opaque": ("assistant", Refusal(text="x", opaque=FOREIGN)),
    "reasoning": ("assistant", Reasoning(text=MARK)),
    "reasoning.own": ("assistant", Reasoning(text="x", opaque=OWN)),
    "reasoning.opaque": ("assistant", Reasoning(text="x", opaque=FOREIGN)),
    "image.url": ("user", Image(url=f"https://{MARK}")),
    "image.data": ("user", Image(data=MARK)),
    "image.file_id": ("user", Image(file_id=MARK, service=NAME)),
    "image.detail": ("user", Image(url="https://a", detail=MARK)),
    "image.assistant": ("assistant", Image(data=MARK)),
    "audio.url": ("user", Audio(url=f"https://{MARK}")),
    "audio.data": ("user", Audio(data=MARK)),
    "audio.transcript": ("user", Audio(data="AAAA", transcript=MARK)),
    "audio.assistant": ("assistant", Audio(data=MARK)),
    "file.url": ("user", File(url=f"https://{MARK}")),
    "file.data": ("user", File(data=MARK)),
    "file.name": ("user", File(data="JVBERi0=", name=MARK)),
    "file.file_id": ("user", File(file_id=MARK, service=NAME)),
    "file.assistant": ("assistant", File(data=MARK)),
    "tool_call": ("assistant", ToolCall(id="c", name=MARK, arguments="{}")),
    "tool_call.namespace": ("assistant", ToolCall(id="c", name="f", namespace=MARK)),
    "tool_call.opaque": ("assistant", ToolCall(id="c", name="f", opaque=FOREIGN)),
    "tool_result": ("tool", replace(RESULT, parts=(Text(text=MARK),))),
    "tool_result.is_error": ("tool", replace(RESULT, is_error=True)),
    "tool_result.image": ("tool", replace(RESULT, parts=(Image(data=MARK),))),
    "tool_result.file": ("tool", replace(RESULT, parts=(File(data=MARK),))),
    "tool_result.audio": ("tool", replace(RESULT, parts=(Audio(data=MARK),))),
    "tool_result.unknown": ("tool", replace(RESULT, parts=(Unknown(protocol="gemini", data=MARK),))),
    "hosted_call": ("assistant", HostedCall(id="h", tool="web_search", arguments=MARK)),
    "hosted_result": ("assistant", HostedResult(id="h", tool="web_search", parts=(Text(text=MARK),))),
    "unknown": ("user", Unknown(protocol="gemini", data={"type": MARK})),
    "unknown.assistant": ("assistant", Unknown(protocol="gemini", data={"type": MARK})),
    "unknown.own": ("user", Unknown(protocol=NAME, data={"type": MARK})),
}


@pytest.mark.parametrize("name", PARTS)
def test_each_attribute_of_a_part(name: str) -> None:
    role, part = PARTS[name]
    request = asked(part, role=role)
    body, lost = sent(replace(request, messages=(*request.messages, user("x"))), CLIENT)
    shown = {"text.cache": "12h", "tool_result.is_error": "is_error"}.get(name, MARK)
    assert (shown in body) != bool(lost), (body, lost)
    tried = {each.split(".")[0] for each in PARTS}
    assert tried == {kind.__struct_config__.tag for kind in DETAILS}


ANSWERS: dict[str, tuple[dict[str, Any], str]] = {
    "text": ({"parts": (Text(text=MARK),)}, MARK),
    "text.opaque": ({"parts": (Text(text="x", opaque=FOREIGN),)}, MARK),
    "text.citations": ({"parts": (Text(text="x", citations=(SOURCE,)),)}, MARK),
    "text.logprobs": ({"parts": (Text(text="x", logprobs=(TOKEN,)),)}, MARK),
    "refusal": ({"parts": (Refusal(text=MARK),)}, MARK),
    "reasoning": ({"parts": (Reasoning(text=MARK, form="summary"),)}, MARK),
    "reasoning.opaque": ({"parts": (Reasoning(text="", form="redacted", opaque=FOREIGN),)}, MARK),
    "image.data": ({"parts": (Image(data=MARK),)}, MARK),
    "image.url": ({"parts": (Image(url=MARK),)}, MARK),
    "audio": ({"parts": (Audio(data=MARK),)}, MARK),
    "file": ({"parts": (File(data=MARK),)}, MARK),
    "tool_call": ({"parts": (ToolCall(id="c", name="f", arguments=MARK),)}, MARK),
    "tool_call.namespace": ({"parts": (ToolCall(id="c", name="f", namespace=MARK),)}, MARK),
    "tool_call.opaque": ({"parts": (ToolCall(id="c", name="f", opaque=FOREIGN),)}, MARK),
    "hosted_call": ({"parts": (HostedCall(id="h", tool="maps", arguments=MARK),)}, MARK),
    "hosted_result": ({"parts": (HostedResult(id="h", tool="maps", parts=(Text(text=MARK),)),)}, MARK),
    "unknown": ({"parts": (Unknown(protocol="gemini", data=MARK),)}, MARK),
    "unknown.own": ({"parts": (Unknown(protocol=NAME, data={"type": MARK}),)}, MARK),
    "part.extra": ({"parts": (Text(text="x", extra=OTHER),)}, MARK),
    "usage": ({"usage": Usage(1720, 1)}, "1720"),
    "usage.details": ({"usage": Usage(1, 1, details={"input.audio": 1721})}, "1721"),
    "finish_reason": ({"finish_reason": "length"}, "max_output_tokens"),
    "stop_sequence": ({"stop_sequence": MARK}, MARK),
    "detail": ({"detail": MARK}, MARK),
    "extra": ({"extra": OTHER}, MARK),
    "extra.own": ({"extra": {NAME: {"x_marker": 1}}}, MARK),
}


@pytest.mark.parametrize("name", ANSWERS)
@pytest.mark.parametrize("stream", [True, False], ids=["stream", "whole"])
def test_each_attribute_of_an_answer(name: str, stream: bool) -> None:
    said, shown = ANSWERS[name]
    request = asked(max_output_tokens=99)
    response = replace(ChatResponse(id="r", model="m", created=1, parts=(Text(text="x"),)), **said)
    events = unfold(response)
    body = (
        SERVER.encoder(request, fixed_env()).send(events)
        if stream
        else SERVER.encode_response(response, request, fixed_env()).body
    )
    lost = names(answer_losses(events, SERVER.expresses, SERVER.name, SERVER.family))
    assert (shown in json.dumps(_ended(body, stream=stream))) != bool(lost), lost


def _ended(body: bytes, *, stream: bool) -> Any:
    """The whole answer, without the names that each has."""
    whole = json.loads(body.rstrip().rpartition(b"\ndata: ")[2])["response"] if stream else json.loads(body)
    del whole["max_output_tokens"]
    return whole
