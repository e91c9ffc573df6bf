"""Ids of calls that a service does not take, and those that stand in their place. Knows no protocol by name.

A call's id is made by the service that answered. If the conversation goes on at another one, that may refuse it. The id
in its place depends on the call's alone: a result finds its call, and each turn of a conversation says the same.

Some services count the calls of an answer (`call_0`), so that two calls of a conversation have one id. Programs find a
call by its id alone, and Anthropic refuses such a conversation: NVIDIA-NeMo/Switchyard#502, anomalyco/opencode#1279.
"""

import re
from base64 import b64encode
from collections import deque
from hashlib import sha256

from msgspec import Struct
from msgspec.structs import replace

from dragoman.protocols.tools.search import found, found_by
from dragoman.types import AnyPart, AnyTool, ChatRequest, Message, Tool, ToolCall, ToolResult


class CallIdForm(Struct, frozen=True):
    """The ids that a service takes."""

    most: int
    """How many characters."""
    least: int = 0
    pattern: re.Pattern[str] | None = None
    """What one must be; None: anything."""

    def takes(self, name: str) -> bool:
        """Whether it takes this id."""
        return self.least <= len(name) <= self.most and (
            self.pattern is None or self.pattern.fullmatch(name) is not None
        )

    def made(self, name: str) -> str:
        """An id in place of this one."""
        if self.least:
            return b64encode(_digest(name), b"xy").decode()[: self.least]
        return _hashed(name)


def _digest(name: str) -> bytes:
    return sha256(name.encode("utf-8", "replace")).digest()


def _hashed(name: str) -> str:
    return f"call_{_digest(name).hex()[:24]}"


PLAIN = CallIdForm(1 << 16, pattern=re.compile(r"[A-Za-z0-9_-]+", re.ASCII))
NINE = CallIdForm(9, 9, re.compile(r"[A-Za-z0-9]+", re.ASCII))


def with_call_ids(request: ChatRequest, form: CallIdForm) -> ChatRequest:
    """`request` with ids that a service takes; the same object if it takes all of them."""
    if all(
        form.takes(part.id)
        for message in request.messages
        for part in message.parts
        if isinstance(part, ToolCall | ToolResult)
    ):
        return request

    def part_of(part: AnyPart) -> AnyPart:
        if isinstance(part, ToolCall | ToolResult) and not form.takes(part.id):
            return replace(part, id=form.made(part.id))
        return part

    def message_of(message: Message) -> Message:
        return replace(message, parts=tuple(map(part_of, message.parts)))

    def tool_of(tool: AnyTool) -> AnyTool:
        call = found_by(tool)
        return found(tool, form.made(call)) if isinstance(tool, Tool) and call and not form.takes(call) else tool

    tools = tuple(map(tool_of, request.tools))
    return replace(request, tools=tools, messages=tuple(map(message_of, request.messages)))


def with_distinct_ids(request: ChatRequest) -> ChatRequest:
    """`request` with an id of its own for each call; the same object if they have that.

    A result belongs to the last turn that has calls of its id, and there to the next one that has no result.
    """
    ids = [part.id for message in request.messages for part in message.parts if type(part) is ToolCall]
    if len({*ids}) == len(ids):
        return request
    uses: dict[str, int] = {}
    waiting: dict[str, deque[str]] = {}
    """The new ids of the calls of the last such turn, by the id that they had; the last of them stays."""

    def message_of(message: Message) -> Message:
        begun = set[str]()

        def part_of(part: AnyPart) -> AnyPart:
            match part:
                case ToolCall(id=known):
                    count = uses[known] = uses.get(known, 0) + 1
                    name = known if count == 1 else _hashed(f"{known} {count}")
                    if known not in begun:
                        begun.add(known)
                        waiting[known] = deque()
                    waiting[known].append(name)
                case ToolResult(id=known) if known in waiting:
                    calls = waiting[known]
                    name = calls.popleft() if len(calls) > 1 else calls[0]
                case _:
                    return part
            return part if name == known else replace(part, id=name)

        return replace(message, parts=tuple(map(part_of, message.parts)))

    return replace(request, messages=tuple(map(message_of, request.messages)))


NO_IDS = frozenset[str]()


class AnswerIds:
    """Ids for the calls of one answer: the service's own, if neither the conversation nor the answer has it already."""

    def __init__(self, request: ChatRequest | None = None) -> None:
        messages = () if request is None else request.messages
        self._turn = len(messages)
        self._used = (
            frozenset(part.id for message in messages for part in message.parts if type(part) is ToolCall) or NO_IDS
        )
        self._given: dict[str, int] = {}
        self._made: dict[int, str] = {}

    def own(self, number: int, said: str) -> str:
        """The id that the service `said` of the call `number`; empty if it is another call's."""
        if not said or said in self._used:
            return ""
        return said if self._given.setdefault(said, number) == number else ""

    def made(self, number: int) -> str:
        """An id for the call `number`, if the service gave none of its own."""
        if number not in self._made:
            turn = self._turn
            while (name := f"call_{turn}_{number}") in self._used or name in self._given:
                turn += 1
            self._made[number] = name
        return self._made[number]
