"""Messages of this protocol to canonical ones.

A call may lack an id, and the result of a call may name it by the tool's name alone, since the vendor's SDKs drop ids:
then the call gets one, and the result belongs to the first call of that tool that has none yet.

The service takes a result without any call too, and programs send such: LlamaIndex for TypeScript leaves out the calls
(`run-llama/LlamaIndexTS`, `packages/providers/ollama`), others all that is older than the last few messages. Elsewhere
a result needs its call. So its words are then the user's, with the role that they had.
"""

from collections import deque
from collections.abc import Callable, Sequence
from typing import Any

from dragoman.error_words import cut
from dragoman.protocols.json_fields import Fields, refused, wrong_type
from dragoman.protocols.media import check_base64
from dragoman.protocols.ollama.arguments import Texts, text_of
from dragoman.protocols.ollama.extra import nested, to_extra
from dragoman.types import AnyPart, Image, Message, Reasoning, Role, Text, ToolCall, ToolResult

ID, NAME_OF_TOOL, ID_OF_CALL, ARGUMENTS = "id", "tool_name", "tool_call_id", "arguments"

OLD_NAME = "name"
"""How programs from before 2025-05 name the tool in its result; the service passes over it."""


class Conversation:
    """Reads messages in their order. `arguments`: the texts of the calls' arguments."""

    def __init__(self, arguments: Texts) -> None:
        self._arguments = arguments
        self._open: dict[int, ToolCall] = {}
        """Calls that have no result yet, by their numbers."""
        # A result belongs to the first call that has none. So each queue of numbers loses those that have one.
        self._in_order: deque[int] = deque()
        self._by_id: dict[str, deque[int]] = {}
        self._by_name: dict[str, deque[int]] = {}
        self._calls = 0

    def read(self, items: Sequence[tuple[str, Any]]) -> tuple[Message, ...]:
        """The conversation. Raises InvalidRequestError that names the field, as `messages[2].content`."""
        return tuple(self._message(Fields(value, path), i) for i, (path, value) in enumerate(items))

    def _message(self, fields: Fields, number: int) -> Message:
        role = fields.required_text("role").lower()
        read = READERS.get(role)
        if read is None:
            raise refused(fields.path("role"), f"expected one of {', '.join(READERS)}, got {cut(role, 40)!r}")
        return read(self, fields, number)

    def _speaks(self, fields: Fields, role: Role) -> Message:
        unsaid = missing(fields, "content")
        text = fields.text("content")
        parts: list[AnyPart] = [] if text is None else [Text(text=text)]
        return Message(role, (*parts, *read_images(fields)), extra=to_extra(fields.rest, unsaid))

    def system(self, fields: Fields, number: int) -> Message:
        return self._speaks(fields, "system")

    def user(self, fields: Fields, number: int) -> Message:
        return self._speaks(fields, "user")

    def assistant(self, fields: Fields, number: int) -> Message:
        thought = fields.text("thinking")
        unsaid = missing(fields, "content")
        text = fields.text("content")
        parts: list[AnyPart] = [Reasoning(text=thought)] if thought else []
        # With calls, empty content says nothing; it is written again all the same.
        calls = fields.items("tool_calls")
        if text or (text is not None and not (calls or thought)):
            parts.append(Text(text=text))
        parts += read_images(fields)
        for j, (path, value) in enumerate(calls):
            call = self._call(Fields(value, path), number, j)
            self._begin(call)
            parts.append(call)
        return Message("assistant", tuple(parts), extra=to_extra(fields.rest, unsaid))

    def _call(self, fields: Fields, number: int, place: int) -> ToolCall:
        call_id = fields.text(ID)
        unsaid = () if call_id else (ID,)
        function = fields.fields("function")
        name, arguments = function.required_text("name"), function.object(ARGUMENTS)
        text = self._arguments.get((number, place)) or text_of(arguments) or "{}"
        if fields.rest.get("type") == "function":
            # OpenAI's protocol says so of each call, and programs that have written one for it say so here.
            del fields.rest["type"]
        extra = to_extra(fields.rest | nested("function", function.rest), unsaid)
        return ToolCall(id=call_id or f"call_{number}_{place}", name=name, arguments=text, extra=extra)

    def tool(self, fields: Fields, number: int) -> Message:
        if fields.rest.get(NAME_OF_TOOL) is None and self._waits(fields.rest.get(OLD_NAME)):
            fields.rest[NAME_OF_TOOL] = fields.any(OLD_NAME)
        unsaid = [*missing(fields, NAME_OF_TOOL, ID_OF_CALL), *missing(fields, "content")]
        name, call_id = fields.text(NAME_OF_TOOL), fields.text(ID_OF_CALL)
        call = self._answered(call_id, name)
        if call is None and not self._open and call_id not in self._by_id:
            had = {"role": "tool", NAME_OF_TOOL: name, ID_OF_CALL: call_id}
            fields.rest.update((key, value) for key, value in had.items() if value)
            return self._speaks(fields, "user")
        if call is None and not call_id:
            whose = "a call" if name is None else f"a call of {cut(name, 40)!r}"
            raise refused(
                fields.path(NAME_OF_TOOL), f"expected the result of {whose} before it, and there is none left"
            )
        text = fields.text("content")
        said = () if text is None else (Text(text=text),)
        result = ToolResult(
            id=call_id or (call.id if call is not None else ""),
            parts=(*said, *read_images(fields)),
            name=name,
            extra=to_extra({}, unsaid),
        )
        return Message("tool", (result,), extra=to_extra(fields.rest))

    def _begin(self, call: ToolCall) -> None:
        number = self._calls
        self._calls += 1
        self._open[number] = call
        self._in_order.append(number)
        self._by_id.setdefault(call.id, deque()).append(number)
        self._by_name.setdefault(call.name, deque()).append(number)

    def _waits(self, name: object) -> bool:
        """Whether a call of the tool has no result yet."""
        return isinstance(name, str) and self._first_open(self._by_name.get(name)) is not None

    def _answered(self, call_id: str | None, name: str | None) -> ToolCall | None:
        """The call that a result belongs to, which from now on has one."""
        numbers = self._by_id.get(call_id) if call_id else self._by_name.get(name) if name else self._in_order
        number = self._first_open(numbers)
        return None if number is None else self._open.pop(number)

    def _first_open(self, numbers: deque[int] | None) -> int | None:
        while numbers and numbers[0] not in self._open:
            numbers.popleft()
        return numbers[0] if numbers else None


def missing(fields: Fields, *names: str) -> list[str]:
    """Which of the fields are not there."""
    return [name for name in names if fields.rest.get(name) is None]


def read_images(fields: Fields) -> list[Image]:
    """The pictures of a message, which have no media type."""
    images: list[Image] = []
    for path, value in fields.items("images"):
        if not isinstance(value, str):
            raise wrong_type(path, "base64", value)
        check_base64(value, path)
        images.append(Image(data=value))
    return images


READERS: dict[str, Callable[[Conversation, Fields, int], Message]] = {
    "system": Conversation.system,
    "user": Conversation.user,
    "assistant": Conversation.assistant,
    "tool": Conversation.tool,
}
