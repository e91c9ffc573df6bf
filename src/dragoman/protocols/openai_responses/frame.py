"""An answer of ours without its content: what it says of itself, and what it repeats of the request."""

from typing import Any

from dragoman.protocols.env import Env
from dragoman.protocols.openai_responses.decode_stream import ECHO
from dragoman.protocols.openai_responses.request import Variant, encode_settings, told_beside
from dragoman.types import ChatRequest, ChatResponse, ResponseStart

USUAL: dict[str, Any] = {
    "background": False,
    "completed_at": None,
    "error": None,
    "incomplete_details": None,
    "instructions": None,
    "max_output_tokens": None,
    "max_tool_calls": None,
    "parallel_tool_calls": True,
    "previous_response_id": None,
    "prompt_cache_key": None,
    "reasoning": {"effort": None, "summary": None},
    "safety_identifier": None,
    "service_tier": "default",
    "store": False,
    "temperature": 1.0,
    "top_p": 1.0,
    "frequency_penalty": 0.0,
    "presence_penalty": 0.0,
    "text": {"format": {"type": "text"}},
    "tool_choice": "auto",
    "tools": [],
    "top_logprobs": 0,
    "truncation": "disabled",
    "user": None,
    "metadata": {},
}
"""What an answer says of a request that says nothing. Callers need these fields, most of them with a value."""

BARE: dict[str, Any] = {
    "id": None,
    "object": "response",
    "created_at": None,
    "status": "in_progress",
    "model": None,
    **USUAL,
    "output": [],
    "usage": None,
}
"""An answer that has begun, of which nothing is known but that."""

SECRET = ("authorization", "headers")
"""Fields of a tool that hold the caller's keys for another service: they are not repeated."""

PLAIN: dict[str, Any] = {"format": {"type": "text"}}
"""What a freeform tool takes if it does not say it."""

_ALL = Variant()


def frame(request: ChatRequest, start: ResponseStart | ChatResponse, env: Env) -> dict[str, Any]:
    """The fields of an answer, as it is when it begins."""
    return BARE | own_fields(request, start, env)


def own_fields(request: ChatRequest, start: ResponseStart | ChatResponse, env: Env) -> dict[str, Any]:
    """Those of them that are not as in `BARE`: 1 is not 1.0, as JSON has it."""
    instructions, _ = told_beside(tuple(message for message in request.messages[:1] if message.top_level))
    asked = encode_settings(request, _ALL, {"instructions": instructions})
    said = {name: value for name, value in asked.items() if name in ECHO and value is not None}
    said.pop("store", None)  # nothing is stored here, whatever was asked for
    for name in ("reasoning", "text"):
        if name in said:
            said[name] = USUAL[name] | said[name]
    if "tools" in said:
        said["tools"] = [_shown(tool) for tool in said["tools"]]
    if isinstance(conversation := said.get("conversation"), str):
        said["conversation"] = {"id": conversation}
    begun = {
        "id": start.id or f"resp_{env.new_id()}",
        "created_at": int(env.now) if start.created is None else start.created,
        "model": start.model or request.model,
    }
    return begun | {name: value for name, value in said.items() if is_unusual(name, value)}


def is_unusual(name: str, value: object) -> bool:
    """Whether an answer that has this field says something other there than `BARE`."""
    return name not in BARE or value != BARE[name] or type(value) is not type(BARE[name])


def _shown(tool: dict[str, Any]) -> dict[str, Any]:
    shown = {name: value for name, value in tool.items() if name not in SECRET}
    match shown:
        case {"type": "custom"}:
            return PLAIN | shown
        case {"type": "namespace", "tools": [*inner]}:
            return shown | {"tools": [_shown(each) for each in inner if isinstance(each, dict)]}
        case _:
            return shown
