"""Turns of this protocol to canonical messages, and back.

Users and the model take turns here. So neighbours of one role become one turn; what tools answered stands first in the
user's turn, in the order of the calls. System messages stand beside the conversation. One that comes later becomes a
turn of its own role, if the service has that and the place allows it: after a user's turn. Else it becomes a text of
the user's, in `<system>`. If there are only system messages, the last one is what the user says.
"""

from collections.abc import Iterator, Mapping, Sequence, Set
from functools import partial
from typing import Any

from msgspec import Struct

from dragoman.error_words import cut
from dragoman.protocols.anthropic.blocks import decode_content, form_of, is_plain
from dragoman.protocols.anthropic.extra import APART, BLOCK, NAME, TURN, note, noted, to_extra, with_extra, without_note
from dragoman.protocols.anthropic.write_blocks import encode_content, encode_parts, has_words
from dragoman.protocols.compaction import SUMMARY
from dragoman.protocols.json_fields import Fields, entries, refused, wrong_type
from dragoman.protocols.leading_system import told_parts
from dragoman.protocols.speech import OURS
from dragoman.types import (
    AnyPart,
    Extra,
    HostedCall,
    HostedResult,
    Message,
    Reasoning,
    Refusal,
    Role,
    Text,
    ToolCall,
    ToolResult,
    Unknown,
)
from dragoman.types.messages import SYSTEM_ROLES

ROLES: dict[str, Role] = {"user": "user", "assistant": "assistant", "system": "system"}
BILLING = "x-anthropic-billing-header:"
"""How a system text begins that other services must not have: it differs from agent to agent, and what stands behind it
would never come from a cache (seen in Claude Code 2.1.332, 2026-11-25)."""
SETTINGS = "output_config"
"""What a turn of the system may say in place of words: how the model answers from there on."""
MODELS = (ToolCall, Reasoning, HostedCall, HostedResult)
"""Parts that only the model makes."""


def decode_system(fields: Fields) -> tuple[Message, ...]:
    """The system message beside the conversation; none if it is empty."""
    value, path = fields.any("system"), fields.path("system")
    if value in (None, "", []):
        return ()
    parts = decode_content(value, path)
    if any(isinstance(part, (ToolResult, *MODELS)) for part in parts):
        raise wrong_type(path, "a string or a list of texts", value)
    parts = tuple(_unbilled(part) for part in parts)
    return (Message("system", parts, extra=form_of(value, parts), top_level=True),)


def _unbilled(part: AnyPart) -> AnyPart:
    """Claude Code's first block is no prompt, but tells Anthropic's service which program asks."""
    if type(part) is Text and part.text.startswith(BILLING) and is_plain(part):
        return Unknown(protocol=NAME, data={"type": "text", "text": part.text})
    return part


def decode_messages(values: Sequence[Any], *, complete: bool = True) -> tuple[Message, ...]:
    """The conversation. Raises InvalidRequestError. `complete`: no part of it is kept by the service."""
    messages: list[Message] = []
    called: set[str] = set()
    before: Role | None = None
    for path, value in entries(list(values), "messages"):
        fields = Fields(value, path)
        role = ROLES.get(said := fields.required_text("role"))
        if role is None:
            raise refused(fields.path("role"), f"expected one of {', '.join(ROLES)}, got {cut(said, 40)!r}")
        content = fields.any("content")
        wordless = role == "system" and content in (None, "", []) and bool(fields.rest.get(SETTINGS))
        parts = () if wordless else decode_content(content, fields.path("content"))
        if not wordless:
            _check(role, parts, fields.path("content"), called if complete else None)
        if role == "assistant":
            if before != role:
                called = set()
            called.update(part.id for part in parts if type(part) is ToolCall)
        extra = to_extra(fields.rest) | form_of(content, parts)
        if role == before:
            extra = noted(extra, **{APART: True})
        if role == "system":
            extra = noted(extra, **{TURN: True})
        messages += _turns(role, parts, extra)
        before = role
    return tuple(messages)


def _turns(role: Role, parts: tuple[AnyPart, ...], extra: Extra) -> Iterator[Message]:
    """What tools answered, and what the user says, as messages of their own."""
    if ToolResult not in map(type, parts):  # as in most turns of the model, and there may be thousands
        yield Message(role, parts, extra=extra)
        return
    results = tuple(part for part in parts if type(part) is ToolResult)
    others = tuple(part for part in parts if type(part) is not ToolResult)
    apart = noted({}, **{APART: True}) if others and note(extra, APART) else {}
    yield Message("tool", results, extra=apart if others else extra)
    if others:
        yield Message(role, others, extra=without_note(extra, APART))


def _check(role: Role, parts: Sequence[AnyPart], path: str, called: Set[str] | None) -> None:
    if not parts and role != "assistant":
        raise refused(path, "expected at least one block")
    for i, part in enumerate(parts):
        if type(part) in MODELS and role != "assistant":
            raise refused(f"{path}[{i}].type", "expected such a block only in an assistant's turn")
        if type(part) is ToolResult:
            if role != "user":
                raise refused(f"{path}[{i}].type", "expected a tool's result only in a user's turn")
            if called is not None and part.id not in called:
                expected = "expected the id of a call in the turn before, got another one"
                raise refused(f"{path}[{i}].tool_use_id", expected)


class _Turn(Struct):
    role: str
    parts: list[AnyPart]
    extra: Extra
    first: Message | None = None
    """The only message of the turn; None if it has several."""


class Conversation(Struct, frozen=True):
    """A conversation as this protocol has it."""

    system: tuple[Message, ...]
    turns: tuple[_Turn, ...]
    told: tuple[int, ...]
    """The numbers of the system messages that the user says."""


def arranged(messages: Sequence[Message], *, system_turns: bool) -> Conversation:
    """The turns of a conversation. `system_turns`: whether the service has turns of the role `system`."""
    system: list[Message] = []
    turns: list[_Turn] = []
    told: list[int] = []
    for i, each in enumerate(messages):
        message = each
        role = "user" if message.role == "tool" else message.role
        if role in SYSTEM_ROLES:
            if message.top_level or not (turns or _sets(message)):
                system.append(message)
                continue
            fitting = system_turns and turns[-1].role in {"user", "system"}
            role = "system" if fitting or note(message.extra, TURN) else "user"
            if role == "user":
                told.append(i)
                message = Message("user", told_parts(message))
                if not message.parts:
                    continue
        if turns and turns[-1].role == role and not note(message.extra, APART):
            turns[-1].parts += message.parts
            turns[-1].extra = turns[-1].extra | message.extra
            turns[-1].first = None
        else:
            turns.append(_Turn(role, list(message.parts), message.extra, message))
    if not turns and system and not system[-1].top_level:
        # Somebody must have said something.
        told.append(len(system) - 1)
        last = system.pop()
        turns.append(_Turn("user", list(last.parts), last.extra, last))
    called: dict[str, int] = {}
    """The ids of the calls that wait for results, each with its number among them."""
    before = ""
    for turn in turns:
        if turn.role == "assistant":
            if before != turn.role:
                called = {}
            for part in turn.parts:
                if type(part) is ToolCall:
                    called.setdefault(part.id, len(called))
        elif any(type(part) is ToolResult for part in turn.parts):
            turn.parts.sort(key=partial(_place, called=called))
        before = turn.role
    return Conversation(tuple(system), tuple(turns), tuple(told))


def _sets(message: Message) -> bool:
    """Whether it says nothing but how the model answers from there on."""
    return not message.parts and bool(message.extra.get(NAME, {}).get(SETTINGS))


def encode_system(messages: Sequence[Message]) -> str | list[dict[str, Any]] | None:
    """The field `system`; None if there is nothing to say in it."""
    if len(messages) == 1:
        content = encode_content(messages[0].parts, messages[0].extra)
        return content if has_words(content) else None
    return encode_parts([part for message in messages for part in message.parts]) or None


def encode_turns(turns: Sequence[_Turn]) -> list[dict[str, Any]]:
    """The field `messages`; a turn of which nothing is left is left out."""
    out: list[dict[str, Any]] = []
    for turn in turns:
        if turn.first is not None:
            content: Any = encode_content(turn.parts, turn.extra)
        else:
            content = encode_parts(turn.parts)
        said = {"role": turn.role} | ({"content": content} if has_words(content) else {})
        said = with_extra(said, turn.extra)
        if "content" in said or (turn.role == "system" and said.get(SETTINGS)):
            out.append(said)
    if out and out[-1]["role"] == "assistant":
        out[-1]["content"] = _without_last_space(out[-1]["content"])
    return out


def _without_last_space(content: str | list[dict[str, Any]]) -> str | list[dict[str, Any]]:
    """The beginning of an answer as the service takes it: it refuses one that ends with white space."""
    match content:
        case str():
            return content.rstrip()
        case [*before, {"type": "text", "text": str(text)} as last]:
            return [*before, last | {"text": text.rstrip()}]
        case _:
            return content


def spaced(messages: Sequence[Message]) -> str | None:
    """The place of the text with which the caller begins the answer, if white space is taken off its end."""
    if not messages or messages[-1].role != "assistant":
        return None
    for j, part in reversed(list(enumerate(messages[-1].parts))):
        if not isinstance(part, Text | Refusal) or {BLOCK, SUMMARY} & part.extra.get(OURS, {}).keys():
            return None
        if has_words(part.text):
            return f"messages[{len(messages) - 1}].parts[{j}].text" if part.text != part.text.rstrip() else None
    return None


def _place(part: AnyPart, called: Mapping[str, int]) -> int:
    if type(part) is not ToolResult:
        return len(called) + 1
    return called.get(part.id, len(called))
