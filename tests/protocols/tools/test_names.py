"""Names of tools that a service does not take: what is sent in their place, and that each call finds its tool again."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from dragoman.protocols.anthropic.tools import TOOL_NAMES as ANTHROPIC
from dragoman.protocols.gemini.tools import TOOL_NAMES as GEMINI
from dragoman.protocols.openai_shared.names import TOOL_NAMES as OPENAI
from dragoman.protocols.tools.names import NameForm, ToolNames, tool_names
from dragoman.types import (
    ChatRequest,
    HostedTool,
    Message,
    PartEnd,
    PartStart,
    RenamedTool,
    StreamEvent,
    Text,
    Tool,
    ToolCall,
    ToolChoice,
    ToolResult,
    user,
)

PATTERNS: list[tuple[NameForm | None, str]] = [
    (OPENAI, r"[a-zA-Z0-9_-]{1,64}"),
    (ANTHROPIC, r"[a-zA-Z0-9_-]{1,128}"),
    (GEMINI, r"[a-zA-Z_][a-zA-Z0-9_.:-]{0,63}"),
    (None, r"(?s).*"),
]

names = st.sampled_from(["read", "read_", "a.b", "a/b", "a_b", "1", "", "ü", "x" * 64, "x" * 65, "x" * 129]) | st.text()
groups = st.none() | st.sampled_from(["g", "g_", "g__", "mcp__files", "a.b", ""])
keys = st.lists(st.tuples(groups, names), max_size=8, unique=True)


def asked(*tools: Tool, called: tuple[ToolCall, ...] = ()) -> ChatRequest:
    return ChatRequest(model="m", messages=(user("hi"), Message("assistant", called)), tools=tools)


def found(request: ChatRequest, form: NameForm | None = OPENAI, *, grouped: bool = False) -> ToolNames:
    named = tool_names(request, form, grouped=grouped)
    assert named is not None
    return named


@given(keys, keys, st.sampled_from(PATTERNS), st.booleans())
def test_each_tool_has_a_name_that_is_taken_and_each_call_finds_its_tool(
    declared: list[tuple[str | None, str]],
    called: list[tuple[str | None, str]],
    taken: tuple[NameForm | None, str],
    grouped: bool,  # hypothesis gives it
) -> None:
    form, pattern = taken
    calls = tuple(ToolCall(id="c", name=name, namespace=group) for group, name in called)
    request = asked(*(Tool(name, namespace=group) for group, name in declared), called=calls)
    named = tool_names(request, form, grouped=grouped)
    sent = request if named is None else named.renamed(request)

    new = [(tool.namespace, tool.name) for tool in sent.tools if isinstance(tool, Tool)]
    assert len(set(new)) == len(declared)
    recalled = [(part.namespace, part.name) for part in sent.messages[1].parts if isinstance(part, ToolCall)]
    for group, name in [*new, *recalled]:
        assert re.fullmatch(pattern, name), name
        assert grouped or group is None

    for key, (group, name) in zip(declared, new, strict=True):
        events: list[StreamEvent] = [PartStart(ToolCall(id="c", name=name, namespace=group)), PartEnd()]
        restored = events if named is None else named.restored(events)
        assert restored == [PartStart(ToolCall(id="c", name=key[1], namespace=key[0])), PartEnd()]


@given(keys, st.sampled_from(PATTERNS))
def test_a_name_is_the_same_whatever_other_tools_there_are(
    declared: list[tuple[str | None, str]], taken: tuple[NameForm | None, str]
) -> None:
    form, _ = taken
    named = tool_names(asked(*(Tool(name, namespace=group) for group, name in declared)), form, grouped=False)
    for key, (_, sent) in () if named is None else named.sent.items():
        alone = found(asked(Tool(key[1], namespace=key[0])), form).sent[key][1]
        assert sent == alone or re.search("_[0-9a-f]{8}$", sent)


def test_nothing_is_done_for_names_that_are_taken() -> None:
    tools = Tool("read"), Tool("mcp__files__read"), HostedTool(tool="web_search")
    request = replace(asked(), tools=tools)
    assert tool_names(request, OPENAI, grouped=False) is None
    assert tool_names(asked(Tool("any name."), Tool("f", namespace="g")), None, grouped=True) is None


@pytest.mark.parametrize(
    ("group", "name", "sent"),
    [
        ("crm", "find", "crm__find"),
        ("mcp__files__", "read", "mcp__files__read"),
        (None, "Dockerfile problems scanner", "Dockerfile_problems_scanner"),
        (None, "a.b", "a_b"),
        (None, "x" * 65, "x" * 55 + "_997ee4d9"),
    ],
)
def test_names_are_made_of_the_tools_own(group: str | None, name: str, sent: str) -> None:
    assert found(asked(Tool(name, namespace=group))).sent == {(group, name): (None, sent)}


def test_a_name_may_begin_with_what_the_service_takes() -> None:
    assert found(asked(Tool("2fa")), GEMINI).sent == {(None, "2fa"): (None, "_2fa")}


def test_a_service_with_groups_keeps_them() -> None:
    named = found(asked(Tool("a.b", namespace="g", namespace_description="d")), grouped=True)
    (tool,) = named.renamed(asked(Tool("a.b", namespace="g", namespace_description="d"))).tools
    assert tool == Tool("a_b", namespace="g", namespace_description="d")


def test_of_two_tools_with_one_name_the_later_has_a_mark() -> None:
    request = asked(Tool("a.b"), Tool("a/b"), Tool("a_b"))
    first, second, third = found(request).renamed(request).tools
    assert isinstance(first, Tool)
    assert isinstance(second, Tool)
    assert third == Tool("a_b")
    assert len({first.name, second.name, "a_b"}) == 3
    assert all(re.fullmatch("a_b_[0-9a-f]{8}", tool.name) for tool in (first, second))


def in_crm(name: str, description: str | None = None) -> Tool:
    return Tool(name, description, namespace="crm", namespace_description="Customers.")


def test_a_group_is_described_with_the_first_of_its_tools() -> None:
    request = asked(in_crm("find", "Finds."), in_crm("add"), in_crm("drop"))
    words = "About all tools whose names begin with crm__: Customers."
    first = Tool("crm__find", description=f"Finds.\n\n{words}")
    assert found(request).renamed(request).tools == (first, Tool("crm__add"), Tool("crm__drop"))
    bare = asked(in_crm("find"))
    assert found(bare).renamed(bare).tools == (Tool("crm__find", description=words),)


def test_calls_results_and_the_choice_have_the_names_that_are_sent() -> None:
    parts = (
        ToolCall(id="1", name="find", namespace="crm"),
        ToolResult(id="1", name="a.b", parts=(Text(text="x"),)),
        ToolResult(id="2", parts=()),
        Text(text="find"),
    )
    request = replace(
        asked(Tool("find", namespace="crm"), Tool("a.b")),
        messages=(Message("user", parts),),
        tool_choice=ToolChoice("required", names=("find", "a.b", "other")),
    )
    sent = found(request).renamed(request)
    assert sent.messages[0].parts == (
        ToolCall(id="1", name="crm__find"),
        ToolResult(id="1", name="a_b", parts=(Text(text="x"),)),
        *parts[2:],
    )
    assert sent.tool_choice == ToolChoice("required", names=("crm__find", "a_b", "other"))


@pytest.mark.parametrize("first", [True, False])
def test_a_choice_means_the_tool_without_a_group_if_there_is_one(first: bool) -> None:
    tools = [Tool("find", namespace="crm"), Tool("find")]
    request = replace(asked(*(tools if first else tools[::-1])), tool_choice=ToolChoice("tool", "find"))
    assert found(request).renamed(request).tool_choice == ToolChoice("tool", "find")


def test_a_tool_that_was_searched_for_is_called_in_a_group_of_its_own_name() -> None:
    # openai/codex and OpenAI's service: `get` of the group `get` is the tool `get`, whose loading was deferred.
    request = asked(Tool("get"), called=(ToolCall(id="1", name="get", namespace="get"),))
    named = found(request)
    assert named.renamed(request).messages[1].parts == (ToolCall(id="1", name="get"),)
    events: list[StreamEvent] = [PartStart(ToolCall(id="2", name="get"))]
    assert named.restored(events) == [PartStart(ToolCall(id="2", name="get"))]


def test_the_tools_with_another_name_are_noted() -> None:
    request = replace(asked(), tools=(Tool("f"), HostedTool(tool="shell"), Tool("f", namespace="g")))
    assert [*found(request).losses(request)] == [RenamedTool("tools[2].name")]
