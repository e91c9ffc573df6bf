"""The conversation: `contents` and `systemInstruction` to messages, and back.

A caller whose program collects a stream sends an answer back as several contents of the model, one for each chunk. They
are one message: neighbouring texts are joined, and signatures stay where they are. An empty part that has only a
signature stays a part of its own; but if the signature is another service's, it belongs to the part before it, whose
words it vouches for.
"""

from collections.abc import Sequence
from typing import Any

from msgspec.structs import replace

from dragoman.error_words import cut
from dragoman.errors import InvalidRequestError
from dragoman.protocols.gemini.call_ids import CallIds
from dragoman.protocols.gemini.extra import NAME, to_extra, with_extra
from dragoman.protocols.gemini.lists import listed
from dragoman.protocols.gemini.parts import SENTINEL, SIGNATURE, PartWriter, Sign, decode_part
from dragoman.protocols.gemini.raw_json import Texts, text_of
from dragoman.protocols.json_fields import Fields, refused
from dragoman.protocols.opaque import is_marked
from dragoman.protocols.tools.result_order import in_order_of_calls
from dragoman.types import AnyPart, Extra, Message, OpaqueState, Reasoning, Role, Text, ToolCall, ToolResult
from dragoman.types.messages import SYSTEM_ROLES, leading_system

MODEL, USER = "model", "user"
ROLES = frozenset({MODEL, USER, "function"})
"""`function` was the role of results in the first version of the protocol."""

MAX_CONTENTS = 10_000
"""Contents of a request that is translated: each takes some 10 µs, in which nobody else is served."""


def decode_contents(system: Any, contents: Any, texts: Sequence[Texts], *, open_ended: bool) -> tuple[Message, ...]:
    """The conversation. `texts`: those of arguments and results. `open_ended`: it began before. Raises
    InvalidRequestError that names the field, as `contents[2].parts[0].text`.
    """
    ids = CallIds(open_ended=open_ended)
    messages: list[Message] = []
    turn: _Turn | None = None
    if system is not None:
        messages.append(_system(system, ids))
    found = listed(contents, "contents", "a list of contents")
    if not 0 < len(found) <= MAX_CONTENTS:
        raise refused("contents", f"expected 1 to {MAX_CONTENTS} contents, got {len(found)}")
    for i, (path, value) in enumerate(found):
        fields = Fields(value, path)
        role = fields.text("role") or USER
        if role not in ROLES:
            raise refused(fields.path("role"), f"expected 'user' or 'model', got {cut(role, 40)!r}")
        if turn is not None and role != MODEL:
            messages.append(turn.message())
            turn = None
        if turn is None:
            ids.turn(len(messages))
        parts = _parts(fields, texts[i] if i < len(texts) else (), ids, model=role == MODEL)
        extra = to_extra(fields.rest)
        if role == MODEL:
            turn = turn or _Turn()
            turn.add(parts, extra)
        else:
            spoken: Role = "tool" if all(isinstance(part, ToolResult) for part in parts) else "user"
            messages.append(Message(spoken, tuple(parts), extra=extra))
    return (*messages, turn.message()) if turn is not None else tuple(messages)


def encode_contents(messages: Sequence[Message], sign: Sign, *, names: bool, signed: bool) -> dict[str, Any]:
    """`systemInstruction`, if there is any, and `contents`.

    `names`: names of files are taken. `signed`: calls of the current turn must have a signature. Those of turns before
    it get one as well, because what was the current turn would change otherwise, and be read from no cache.
    """
    messages = in_order_of_calls(messages)
    calls = {call.id: call.name for message in reversed(messages) for call in reversed(_calls(message))}
    writer = PartWriter(sign, names=names, result_names=calls)
    leading = _leading(messages)
    asking = asking_system(messages)
    system: dict[str, Any] = {}
    for i, message in enumerate(messages[:leading]):
        parts = _written(writer, message, i)
        system = with_extra({"parts": [*system.get("parts", []), *parts]} | _rest(system), message.extra)
    contents: list[dict[str, Any]] = []
    before = ""
    for i, message in enumerate(messages[leading:], leading):
        # A later turn may use an id once more, for another call.
        calls |= {call.id: call.name for call in _calls(message)}
        parts = _written(writer, message, i)
        if not parts:
            continue
        if message.role in SYSTEM_ROLES and i != asking:
            parts = _framed(parts)
        if signed and message.role == "assistant":
            _vouch(parts)
        if message.role == before and before in {"assistant", "tool"}:
            contents[-1]["parts"] += parts
        else:
            role = MODEL if message.role == "assistant" else USER
            contents.append(with_extra({"role": role, "parts": parts}, message.extra))
        before = message.role
    if not contents:
        raise refused("messages", "expected at least one with content")
    return ({"systemInstruction": system} if system.get("parts") else {}) | {"contents": contents}


def _calls(message: Message) -> list[ToolCall]:
    return [part for part in message.parts if isinstance(part, ToolCall)]


def _leading(messages: Sequence[Message]) -> int:
    """How many messages are the system's, before anybody else speaks."""
    number = leading_system(messages)
    return number if asking_system(messages) is None else number - 1


def asking_system(messages: Sequence[Message]) -> int | None:
    """The number of the system message that the user says, because nobody else says anything; None if there is none."""
    if not messages or messages[-1].top_level or any(message.role not in SYSTEM_ROLES for message in messages):
        return None
    return len(messages) - 1


def _rest(system: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in system.items() if name != "parts"}


def _system(value: Any, ids: CallIds) -> Message:
    fields = Fields(value, "systemInstruction")
    parts = tuple(_parts(fields, (), ids, model=False))
    return Message("system", parts, extra=to_extra(fields.rest), top_level=True)


def _parts(fields: Fields, texts: Texts, ids: CallIds, *, model: bool) -> list[AnyPart]:
    value, path = fields.any("parts"), fields.path("parts")
    if value is None and model:
        return []
    found: list[AnyPart] = []
    for j, (place, part) in enumerate(listed(value, path, "a list of parts")):
        read = decode_part(part, place, _text(texts, j, part), ids, returned=model)
        found.append(_placed(read, place, model=model))
    if not found and not model:
        raise refused(path, "expected at least one part")
    return found


def _placed(part: AnyPart, path: str, *, model: bool) -> AnyPart:
    """`part`, if it may stand in a content of the model, or in one of the user."""
    if model and isinstance(part, ToolResult):
        raise refused(f"{path}.functionResponse", "expected it in a content of the user")
    if not model and isinstance(part, ToolCall):
        raise refused(f"{path}.functionCall", "expected it in a content of the model")
    return part


def _text(texts: Texts, at: int, part: Any) -> str:
    """The JSON text of the object that a part holds."""
    if at < len(texts) and texts[at]:
        return texts[at]
    match part:
        case {"functionCall": {"args": value}} | {"toolCall": {"args": value}}:
            return text_of((), 0, value)
        case {"functionResponse": {"response": value}} | {"toolResponse": {"response": value}}:
            return text_of((), 0, value)
        case _:
            return ""


class _Turn:
    """What the model says in one content or in several, each of which is read once."""

    def __init__(self) -> None:
        self._parts: list[AnyPart] = []
        self._more: list[str] = []
        """Text of the last part, in further contents."""
        self._extra: Extra = {}

    def add(self, parts: Sequence[AnyPart], extra: Extra) -> None:
        """The next content."""
        self._extra |= extra
        begun = bool(self._parts)
        for k, part in enumerate(parts):
            last = self._parts[-1] if self._parts else None
            if isinstance(part, Text | Reasoning) and type(last) is type(part):
                if _is_foreign(part) and not part.text and last.opaque is None:
                    self._join()
                    self._prove(part.opaque)
                    continue
                if k == 0 and begun and _is_plain(part) and _is_plain(last):
                    self._more.append(part.text)
                    continue
            self._join()
            self._parts.append(part)

    def _prove(self, state: OpaqueState | None) -> None:
        """Gives the last part its state, and if it is a thought all words of it that came before, in further parts."""
        part = self._parts.pop()
        if isinstance(part, Reasoning):
            pieces = [part.text]
            while self._parts and isinstance(before := self._parts[-1], Reasoning) and _is_plain(before):
                pieces.append(before.text)
                self._parts.pop()
            part = replace(part, text="".join(reversed(pieces)))
        self._parts.append(replace(part, opaque=state))

    def message(self) -> Message:
        """All of it."""
        self._join()
        parts = self._parts
        if len(parts) > 1:
            # A stray empty text, which ends a stream, is refused by other services.
            parts = [part for part in parts if not (isinstance(part, Text | Reasoning) and _says_nothing(part))]
        return Message("assistant", tuple(parts), extra=self._extra)

    def _join(self) -> None:
        last = self._parts[-1] if self._parts else None
        if self._more and isinstance(last, Text | Reasoning):
            self._parts[-1] = replace(last, text="".join((last.text, *self._more)))
            self._more = []


def _is_foreign(part: AnyPart) -> bool:
    return part.opaque is not None and (part.opaque.protocol != NAME or is_marked(part.opaque))


def _says_nothing(part: Text | Reasoning) -> bool:
    return not part.text and _is_plain(part)


def _is_plain(part: AnyPart) -> bool:
    return part.opaque is None and not part.extra


def _written(writer: PartWriter, message: Message, i: int) -> list[dict[str, Any]]:
    path = f"messages[{i}]"
    if message.role != "assistant" and any(isinstance(part, ToolCall) for part in message.parts):
        raise refused(path, "expected tool calls only in an assistant's turn")
    said = [(j, part) for j, part in enumerate(message.parts) if not _is_stray(part)]
    found: list[dict[str, Any]] = []
    for j, part in said:
        place = f"{path}.parts[{j}]"
        try:
            body = writer.write(part, place)
        except InvalidRequestError as exc:
            raise exc if exc.param is not None else refused(place, exc.message) from exc
        if body is not None:
            found.append(body)
    return found


def _is_stray(part: AnyPart) -> bool:
    """Whether it is an empty text, such as callers of other protocols write: the service refuses a request with one."""
    return isinstance(part, Text) and not part.text and part.opaque is None and NAME not in part.extra


def _framed(parts: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """What the system says in the midst of the conversation, as the user's words: nobody else may speak there."""
    match parts:
        case [{"text": str(text), **rest}] if not rest:
            return [{"text": f"<system>\n{text}\n</system>"}]
        case _:
            return [{"text": "<system>"}, *parts, {"text": "</system>"}]


def _vouch(parts: Sequence[dict[str, Any]]) -> None:
    """Gives the first call of a turn a signature, if it has none: the others of a parallel set need none."""
    first = next((part for part in parts if "functionCall" in part), None)
    if first is not None and SIGNATURE not in first:
        first[SIGNATURE] = SENTINEL
