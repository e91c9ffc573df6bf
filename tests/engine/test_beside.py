"""What takes long is not done on the loop: much to look at in messages or tools, and schemas not compiled yet."""

import threading
from typing import Any

import pytest

from dragoman.engine.beside import ARGUMENTS, MANY, beside
from dragoman.protocols.gemini import GeminiClient
from dragoman.types import (
    ChatRequest,
    Citation,
    Message,
    ModelProfile,
    ResponseFormat,
    Text,
    Tool,
    ToolCall,
    ToolResult,
    user,
)


def request(schema: dict[str, Any] | None = None, *, form: dict[str, Any] | None = None, turns: int = 1) -> ChatRequest:
    return ChatRequest(
        model="m",
        messages=(user("hi"),) * turns,
        tools=() if schema is None else (Tool(name="f", parameters=schema),),
        response_format=None if form is None else ResponseFormat(kind="json_schema", schema=form),
    )


async def is_on_loop(asked: ChatRequest) -> bool:
    """Whether a codec looks at what is asked in the thread of the loop."""

    def look() -> int:
        GeminiClient("http://h").fit(asked, ModelProfile())
        return threading.get_ident()

    return await beside(asked, look) == threading.get_ident()


@pytest.mark.parametrize(("turns", "expected"), [(1, True), (MANY // 2, True), (MANY // 2 + 1, False)])
async def test_many_messages_are_looked_at_in_a_thread(turns: int, *, expected: bool) -> None:
    assert await is_on_loop(request(turns=turns)) is expected


CALL = ToolCall(id="c", name="f", arguments='{"a":' * MANY)
SCHEMA: dict[str, Any] = {"type": "object", "properties": {}}


@pytest.mark.parametrize(
    "asked",
    [
        ChatRequest(model="m", messages=(Message("user", (Text(text="x"),) * MANY),)),
        ChatRequest(model="m", messages=(Message("tool", (ToolResult("c", (Text(text="x"),) * MANY),)),)),
        ChatRequest(
            model="m", messages=(Message("assistant", (Text(text="x", citations=(Citation(kind="url"),) * MANY),)),)
        ),
        ChatRequest(model="m", messages=(user("hi"), Message("assistant", (CALL,) * (ARGUMENTS // 5)))),
        ChatRequest(model="m", messages=(user("hi"),), tools=(Tool(name="f", parameters=SCHEMA),) * MANY),
    ],
    ids=["parts", "parts of a result", "citations", "arguments", "tools"],
)
async def test_few_messages_with_much_in_them_are_too(asked: ChatRequest) -> None:
    GeminiClient("http://h").fit(asked, ModelProfile())
    assert not await is_on_loop(asked)


@pytest.mark.parametrize("place", ["tool", "form"])
async def test_a_schema_is_compiled_in_a_thread_the_first_time(place: str) -> None:
    schema = {"type": "object", "properties": {"a": {"$ref": "#/$defs/x"}}, "$defs": {"x": {"title": f"in a {place}"}}}
    asked = request(schema) if place == "tool" else request(form=schema)
    assert [await is_on_loop(asked) for _ in range(2)] == [False, True]
