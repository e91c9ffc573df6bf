"""The form that tools had before November 2023: `functions`, and one call at a time. Read and written.

Such a request is read into tools, and its answer has the same old form, so that a program of that time can use any
service. https://platform.openai.com/docs/api-reference/chat/create#chat_create-functions
"""

from collections.abc import Sequence
from typing import Any, Literal

from dragoman.errors import BadEventError
from dragoman.protocols.json_fields import Fields, kind, refused
from dragoman.protocols.openai_chat.extra import NAME
from dragoman.protocols.openai_chat.tools import function_of
from dragoman.types import ChatRequest, Extra, Tool, ToolCall, ToolChoice

FUNCTIONS = f"{NAME} functions"
"""The key of `extra` that marks a request of this form; no protocol sends it on."""

MODES: dict[str, Literal["auto", "none"]] = {"auto": "auto", "none": "none"}

CALLED = "function_call"
"""The field of a call, and the reason why the model stopped."""


def takes_functions(fields: Fields) -> bool:
    """Whether a request has this form. Raises InvalidRequestError if it has both forms."""
    found = [name for name in ("functions", CALLED) if fields.rest.get(name) is not None]
    if not found:
        fields.any("functions")
        fields.any(CALLED)
    for name in found:
        for new in ("tools", "tool_choice"):
            if fields.rest.get(new) is not None:
                raise refused(name, f"expected it without `{new}`, which took its place")
    return bool(found)


def decode_functions(fields: Fields) -> tuple[Tool, ...]:
    """`functions`, as tools."""
    return tuple(function_of(Fields(value, path), {}) for path, value in fields.items("functions"))


def decode_function_choice(fields: Fields) -> ToolChoice | None:
    """`auto`, `none`, or the one function."""
    choice, path = fields.any(CALLED), fields.path(CALLED)
    match choice:
        case None:
            return None
        case str():
            if mode := MODES.get(choice):
                return ToolChoice(mode)
            raise refused(path, f"expected one of {', '.join(MODES)}, or an object")
        case dict():
            return ToolChoice("tool", Fields(choice, path).required_text("name"))
        case _:
            raise refused(path, f"expected a string or an object, got {kind(choice)}")


def marked(extra: Extra) -> Extra:
    """`extra` with the mark of a request of this form."""
    return extra | {FUNCTIONS: {}}


def wants_functions(request: ChatRequest) -> bool:
    """Whether its answer must have this form."""
    return FUNCTIONS in request.extra


def encode_function_call(calls: Sequence[ToolCall]) -> dict[str, Any]:
    """The call, as a field of the message. Raises BadEventError if there are several."""
    call, *others = calls
    if others:
        raise BadEventError("expected one call, as the caller's `functions` take no more, got several")
    return {CALLED: {"name": call.name, "arguments": call.arguments}}
