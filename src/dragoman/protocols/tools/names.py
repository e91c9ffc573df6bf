"""Tools whose names a service does not take, and the names under which it gets them. Knows no protocol by name.

A service may take only some characters, and only so many of them; it may have no groups of tools (namespaces). A tool
that it would refuse is sent under a name made of its own: `read` of the group `mcp__files` as `mcp__files__read`. The
model calls it by that name, and the caller gets the call under the tool's own name and group.

Such a name depends on the tool alone, so that it is the same in each turn of a conversation whatever other tools there
are. If it belongs to another tool already, or is too long, it ends with a mark: a hash of the tool's own name.
"""

import re
from collections.abc import Iterator, Sequence
from hashlib import sha256

from msgspec import Struct
from msgspec.structs import replace

from dragoman.types import (
    AnyPart,
    AnyTool,
    ChatRequest,
    Loss,
    Message,
    PartStart,
    RenamedTool,
    StreamEvent,
    Tool,
    ToolCall,
    ToolChoice,
    ToolResult,
)

JOINT = "__"
"""Between the name of a group and that of a tool: agents name the tools of MCP servers so."""
MARK = 8
"""Hexadecimal digits of the mark."""

Key = tuple[str | None, str]
"""The group of a tool, if it has one, and the tool's name."""


class NameForm:
    """The names of tools that a service takes.

    `characters`: those of a name, as they stand in the brackets of a regular expression. `first`: those that it may
    begin with. `most`: how many it has at most.
    """

    def __init__(self, characters: str, first: str, most: int) -> None:
        self._fullmatch = re.compile(f"[{first}][{characters}]{{0,{most - 1}}}").fullmatch
        self._others = re.compile(f"[^{characters}]")
        self._first = re.compile(f"[{first}]")
        self._most = most

    def takes(self, name: str) -> bool:
        """Whether a tool may have this name."""
        return self._fullmatch(name) is not None

    def fitted(self, name: str) -> str:
        """`name` with `_` for each character that is not taken; it may be too long."""
        name = self._others.sub("_", name)
        return name if self._first.match(name) else f"_{name}"

    def marked(self, name: str, mark: str) -> str:
        """As much of `name`, which is fitted, as there is room for before `mark`."""
        return f"{name[: self._most - len(mark) - 1]}_{mark}"


class ToolNames(Struct, frozen=True):
    """The tools of a request that are sent under other names."""

    sent: dict[Key, Key]
    """What they are sent as, by what they are."""
    own: dict[Key, Key]
    """What they are, by what they are sent as."""

    def renamed(self, request: ChatRequest) -> ChatRequest:
        """`request` with the names that are sent."""
        choice = request.tool_choice
        return replace(
            request,
            tools=self._tools(request.tools),
            tool_choice=None if choice is None else self._choice(choice, request.tools),
            messages=tuple(map(self._message, request.messages)),
        )

    def losses(self, request: ChatRequest) -> Iterator[Loss]:
        """The tools of `request` that have another name when they are sent."""
        for i, tool in enumerate(request.tools):
            if isinstance(tool, Tool) and _key(tool) in self.sent:
                yield RenamedTool(f"tools[{i}].name")

    def restored(self, events: list[StreamEvent]) -> list[StreamEvent]:
        """`events` of the answer, with the tools' own names."""
        for i, event in enumerate(events):
            if isinstance(event, PartStart) and isinstance(event.part, ToolCall):
                own = self.own.get(_key(event.part))
                if own is not None:
                    events[i] = PartStart(replace(event.part, namespace=own[0], name=own[1]))
        return events

    def _tools(self, tools: Sequence[AnyTool]) -> tuple[AnyTool, ...]:
        out: list[AnyTool] = []
        told: set[str] = set()
        for tool in tools:
            if not isinstance(tool, Tool) or (sent := self.sent.get(_key(tool))) is None:
                out.append(tool)
                continue
            changed = replace(tool, namespace=sent[0], name=sent[1])
            group, about = tool.namespace, tool.namespace_description
            if group is not None and sent[0] is None:
                changed = replace(changed, namespace_description=None)
                if about and group not in told:
                    told.add(group)
                    words = f"About all tools whose names begin with {joined(group, '')}: {about}"
                    changed = replace(changed, description="\n\n".join(filter(None, (tool.description, words))))
            out.append(changed)
        return tuple(out)

    def _choice(self, choice: ToolChoice, tools: Sequence[AnyTool]) -> ToolChoice:
        """A choice names no group: it means the tool that has none, or else the first of that name."""
        keys = sorted((_key(tool) for tool in tools if isinstance(tool, Tool)), key=lambda key: key[0] is not None)
        names: dict[str, str] = {}
        for key in keys:
            names.setdefault(key[1], self.sent.get(key, key)[1])
        return replace(
            choice,
            name=None if choice.name is None else names.get(choice.name, choice.name),
            names=tuple(names.get(name, name) for name in choice.names),
        )

    def _message(self, message: Message) -> Message:
        if not any(isinstance(part, ToolCall | ToolResult) for part in message.parts):
            return message
        return replace(message, parts=tuple(map(self._part, message.parts)))

    def _part(self, part: AnyPart) -> AnyPart:
        match part:
            case ToolCall():
                sent = self.sent.get(_key(part))
                return part if sent is None else replace(part, namespace=sent[0], name=sent[1])
            case ToolResult(name=str(name)):
                sent = self.sent.get((None, name))
                return part if sent is None else replace(part, name=sent[1])
            case _:
                return part


def joined(group: str, name: str) -> str:
    """The name of a tool that says its group as well."""
    return f"{group}{name}" if group.endswith("_") else f"{group}{JOINT}{name}"


def tool_names(request: ChatRequest, form: NameForm | None, *, grouped: bool) -> ToolNames | None:
    """The names of `request` that a service does not take; None if it takes all of them.

    `form`: the names that it takes; None: any. `grouped`: whether it has groups of tools.
    """
    declared = {(tool.namespace, tool.name): True for tool in request.tools if isinstance(tool, Tool)}
    called: set[Key] = set()
    for message in request.messages:
        for part in message.parts:
            if type(part) is ToolCall:
                called.add((part.namespace, part.name))
    untaken: list[Key] = []
    for key in [*declared, *sorted(called.difference(declared), key=str)] if called else declared:
        if not ((grouped or key[0] is None) and (form is None or form.takes(key[1]))):
            untaken.append(key)
    if not untaken:
        return None
    taken = {*declared, *called}.difference(untaken)
    sent: dict[Key, Key] = {}
    own: dict[Key, Key] = {}
    for key in untaken:
        group, name = key
        if not grouped and group == name and key not in declared and (None, name) in declared:
            # So a service names the group of a tool without one that its model has searched for.
            sent[key] = sent.get((None, name), (None, name))
            continue
        sent[key] = new = _free(key, form, taken, grouped=grouped)
        own[new] = key
        taken.add(new)
    return ToolNames(sent, own)


def _free(key: Key, form: NameForm | None, taken: set[Key], *, grouped: bool) -> Key:
    """What `key` is sent as: nothing that is `taken`."""
    group, name = key
    left = group if grouped else None
    plain = name if grouped or group is None else joined(group, name)
    fitted = plain if form is None else form.fitted(plain)
    if (left, fitted) not in taken and (form is None or form.takes(fitted)):
        return left, fitted
    said, digest = f"{group or ''}\0{name}", ""
    while True:
        digest = sha256(f"{digest}{said}".encode("utf-8", "surrogatepass")).hexdigest()[:MARK]
        marked = f"{fitted}_{digest}" if form is None else form.marked(fitted, digest)
        if (left, marked) not in taken:
            return left, marked


def _key(tool: Tool | ToolCall) -> Key:
    return tool.namespace, tool.name
