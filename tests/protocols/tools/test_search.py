"""Tools that a caller finds on request: what a service gets that knows only tools and results in words."""

from msgspec.structs import replace

from dragoman.protocols.speech import OURS
from dragoman.protocols.tools.search import MARK, found, found_by, found_in_words, is_search
from dragoman.types import ChatRequest, HostedTool, Message, Text, Tool, ToolCall, ToolResult, user

SEARCH = Tool("tool_search", extra=MARK)
CALL = ToolCall(id="1", name="tool_search", extra=MARK)


def asked(*tools: Tool, results: tuple[str, ...] = ("1",)) -> ChatRequest:
    turns = tuple(Message("tool", (ToolResult(id=call, parts=(), extra=MARK),)) for call in results)
    return ChatRequest(model="m", messages=(user("hi"), *turns), tools=tools)


def words(request: ChatRequest) -> list[str]:
    results = [part for message in request.messages for part in message.parts if isinstance(part, ToolResult)]
    return ["".join(part.text for part in result.parts if isinstance(part, Text)) for result in results]


def test_a_search_its_calls_and_results_are_known_by_a_mark() -> None:
    assert is_search(SEARCH)
    assert is_search(CALL)
    assert is_search(ToolResult(id="1", parts=(), extra=MARK))
    assert not is_search(Tool("tool_search"))
    assert not is_search(ToolCall(id="1", name="tool_search"))
    assert found_by(found(Tool("f"), "1")) == "1"
    assert found_by(Tool("f")) is None
    assert found_by(HostedTool(tool="web_search")) is None


def test_what_was_found_is_a_list_and_each_tool_stands_beside_the_others_once() -> None:
    request = asked(
        SEARCH,
        Tool("f"),
        *(found(Tool(name, namespace=group), call) for name, group, call in (("f", None, "1"), ("f", "g", "1"))),
        found(Tool("f", namespace="g"), "2"),
        found(Tool("h"), "2"),
        results=("1", "2", "3"),
    )
    told = found_in_words(request)
    assert [(tool.namespace, tool.name) for tool in told.tools if isinstance(tool, Tool)] == [
        (None, "tool_search"),
        (None, "f"),
        ("g", "f"),
        (None, "h"),
    ]
    assert words(told) == [
        "Found these tools, which can be called now:\n- f\n- f",
        "Found these tools, which can be called now:\n- f\n- h",
        "No tools were found.",
    ]


def test_a_tool_that_was_found_is_deferred_no_longer() -> None:
    late, again = Tool("late", defer_loading=True), Tool("g", defer_loading=True)
    told = found_in_words(asked(SEARCH, late, again, found(Tool("f", defer_loading=True), "1"), found(again, "1")))
    assert told.tools[1:] == (late, Tool("g"), Tool("f", extra={OURS: {"found_by": "1"}}))


def test_other_requests_and_other_results_are_left_as_they_are() -> None:
    plain = replace(asked(Tool("f")), messages=(Message("tool", (ToolResult(id="1", parts=(Text(text="x"),)),)),))
    assert found_in_words(plain) is plain
    searching = replace(plain, tools=(SEARCH,))
    assert found_in_words(searching) == searching
