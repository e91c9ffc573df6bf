"""The items of an answer of ours, from parts."""

from collections.abc import Iterator, Sequence
from typing import Any

from msgspec.structs import replace

from dragoman.protocols import opaque
from dragoman.protocols.compaction import summary_in
from dragoman.protocols.env import Env
from dragoman.protocols.media import media_type_of
from dragoman.protocols.openai_responses.compaction import compaction_item
from dragoman.protocols.openai_responses.content import is_content, output_text
from dragoman.protocols.openai_responses.conversation import NEXT
from dragoman.protocols.openai_responses.extra import ITEM, NAME, joined, with_extra
from dragoman.protocols.openai_responses.hosted import encode_call
from dragoman.protocols.openai_responses.item_ids import MADE, SHOWN, id_within
from dragoman.protocols.openai_responses.request import wants_encrypted
from dragoman.protocols.openai_responses.said_items import around, belongs, call_item, reasoning_item
from dragoman.protocols.tools.freeform import unwrapped_input
from dragoman.protocols.tools.search import MARK, is_search
from dragoman.types import (
    AnyPart,
    ChatRequest,
    HostedCall,
    Image,
    Message,
    Reasoning,
    Refusal,
    Text,
    Tool,
    ToolCall,
    Unknown,
)

NONE: frozenset[tuple[str | None, str]] = frozenset()
"""No tools: one object for all requests without."""

DONE, UNDER_WAY, CUT = "completed", "in_progress", "incomplete"


class ItemWriter:
    """Writes the items of the answer to one request. `answer_id`: see OpenAIResponsesServer."""

    def __init__(self, request: ChatRequest, env: Env, answer_id: str = "") -> None:
        tools = [tool for tool in request.tools if isinstance(tool, Tool)]
        self._freeform = {(tool.namespace, tool.name) for tool in tools if tool.input_format == "text"} or NONE
        self._searches = {(tool.namespace, tool.name) for tool in tools if is_search(tool)} or NONE
        self._answer_id = answer_id
        self._random = env.new_id
        self._made = 0
        """Ids that were made."""
        self._summed = request.reasoning is not None and request.reasoning.display == "summary"
        self._sealed = wants_encrypted(request)

    def id_of(self, part: AnyPart) -> str:
        """The id of the item that begins with `part`: the service's, or a new one."""
        item = part.item
        if self.is_search(part):
            prefix = "tsc"
            if isinstance(part, ToolCall) and not is_search(part):
                item = None  # it came as a call of a function, whose ids are others
        elif self.shown(part) is not part:
            prefix = SHOWN
        else:
            prefix = _prefix(part, freeform=self.is_freeform(part))
        return item or f"{prefix}_{MADE}{self._new_id()}"

    def _new_id(self) -> str:
        if not self._answer_id:
            return self._random()
        self._made += 1
        return id_within(self._answer_id, self._made - 1)

    def is_freeform(self, part: AnyPart) -> bool:
        """Whether it is a call whose input is any text."""
        return isinstance(part, ToolCall) and (
            part.input_format == "text" or (part.namespace, part.name) in self._freeform
        )

    def is_search(self, part: AnyPart) -> bool:
        """Whether it is a call of the search for tools that the caller makes."""
        return isinstance(part, ToolCall) and (part.namespace, part.name) in self._searches

    def shown(self, part: AnyPart) -> AnyPart:
        """`part` as its caller sees it.

        Thoughts of a service that gives no summaries are told as one to a caller who asks for one: that is where
        programs look for them (AI SDK 7, 2026-11-28).
        """
        if self._summed and isinstance(part, Reasoning) and part.form == "full" and part.item is None:
            return replace(part, form="summary")
        return part

    def given(self, call: ToolCall) -> ToolCall:
        """`call` as its caller knows the tool: a freeform one gets the text that was wrapped for the service."""
        if self.is_search(call):
            return replace(call, extra=joined(call.extra, MARK))
        if call.input_format == "text" or not self.is_freeform(call):
            return call
        text = unwrapped_input(call.arguments)
        return replace(call, arguments=call.arguments if text is None else text, input_format="text")

    def told(self, message: Message) -> Message:
        """`message` with its calls as their caller knows the tools."""
        parts = tuple(self.given(part) if isinstance(part, ToolCall) else part for part in message.parts)
        return replace(message, parts=parts)

    def item(self, parts: Sequence[AnyPart], item: str, status: str = DONE) -> dict[str, Any] | None:
        """The item that `parts` stand in; None if this protocol has none for them."""
        first = parts[0]
        match first:
            case Reasoning():
                thoughts = [part for part in map(self.shown, parts) if isinstance(part, Reasoning)]
                state = {"encrypted_content": opaque.STATELESS} if self._sealed and first.item is None else {}
                return state | reasoning_item(thoughts, item, lambda state: opaque.wrapped(state, NAME))
            case ToolCall():
                return {"status": status} | call_item(self.given(first), item)
            case HostedCall():
                return encode_call(replace(first, id=item))
            case Image(data=str(data)):
                form = (first.media_type or media_type_of(data) or "image/png").partition("/")[2]
                own = first.extra.get(NAME, {}).get(ITEM)
                made = {"id": item, "status": status, "output_format": form}
                return {"type": "image_generation_call", **(own if isinstance(own, dict) else made), "result": data}
            case Unknown() if (text := summary_in(first)) is not None:
                return compaction_item(text, item)
            case Unknown(protocol=protocol, data=data) if not is_content(first):
                return data if protocol == NAME and isinstance(data, dict) else None
            case _ if is_content(first):
                fields, bare = around(parts)
                content = [said for part in bare if (said := content_part(part)) is not None]
                body: dict[str, Any] = {
                    "id": item,
                    "type": "message",
                    "status": status,
                    "role": "assistant",
                    "content": content,
                }
                return body | fields
            case _:
                return None

    def has_item(self, part: AnyPart) -> bool:
        """Whether this protocol has an item for `part`: the state of any other would be taken for its neighbour's."""
        return self.item([part], "") is not None

    def whole(self, parts: Sequence[AnyPart], *, cut: bool) -> list[dict[str, Any]]:
        """The items of a whole answer; `cut`: the last one is not whole."""
        groups = list(self._groups(parts))
        out: list[dict[str, Any]] = []
        for i, group in enumerate(groups):
            status = CUT if cut and i == len(groups) - 1 else DONE
            body = self.item(group, self.id_of(group[0]), status)
            if body is not None:
                out.append(body)
        return out

    def _groups(self, parts: Sequence[AnyPart]) -> Iterator[list[AnyPart]]:
        """Parts that stand in one item each time; the state of what is no reasoning stands in reasoning before it."""
        group: list[AnyPart] = []
        for part in parts:
            state = None if isinstance(part, Reasoning) else part.opaque
            if group and (state is not None or not belongs(part, group[-1])):
                yield group
                group = []
            if state is not None and self.has_item(part):
                protocol = state.protocol + NEXT
                yield [Reasoning(text="", form="redacted", opaque=replace(state, protocol=protocol))]
            group.append(part if state is None else replace(part, opaque=None))
        if group:
            yield group


def content_part(part: AnyPart) -> dict[str, Any] | None:
    """A part of a message in an answer."""
    match part:
        case Text():
            return with_extra({"annotations": [], "logprobs": []} | output_text(part), part.extra)
        case Refusal(text=text):
            return with_extra({"type": "refusal", "refusal": text}, part.extra)
        case Unknown(data=dict() as data):
            return data
        case _:
            return None


def _prefix(part: AnyPart, *, freeform: bool) -> str:
    match part:
        case Reasoning():
            return "rs"
        case ToolCall():
            return "ctc" if freeform else "fc"
        case HostedCall(tool="web_search" | "web_fetch"):
            return "ws"
        case HostedCall(tool="code_execution"):
            return "ci"
        case HostedCall():
            return "mcp"
        case Image():
            return "ig"
        case Unknown() if summary_in(part) is not None:
            return "cmp"
        case _:
            return "msg"
