"""Items that a model has said, to parts: they stand in answers, and in requests as what was said before.

Each part is read with its place in the item and a number. A stream names its pieces by the same places.
"""

from collections.abc import Callable
from contextlib import suppress
from typing import Any, Literal

from msgspec import Struct
from msgspec.structs import replace

from dragoman.errors import InvalidRequestError
from dragoman.protocols.json_fields import Fields, refused, wrong_type
from dragoman.protocols.media import media_type_of
from dragoman.protocols.opaque import STATELESS
from dragoman.protocols.openai_responses.content import decode_content
from dragoman.protocols.openai_responses.extra import ITEM, MESSAGE, NAME, joined, to_extra
from dragoman.protocols.openai_responses.hosted import CALLS, decode_call
from dragoman.protocols.openai_responses.item_ids import was_shown
from dragoman.protocols.openai_responses.odd_items import mended
from dragoman.protocols.openai_responses.tool_search import CALL, decode_search_call, is_of_callers
from dragoman.types import AnyPart, Image, OpaqueState, Reasoning, ToolCall, Unknown

CONTENT, THOUGHTS, SUMMARY, WHOLE = "content", "thoughts", "summary", ""
"""Where in its item a part stands: in a message's content, in the content or the summary of reasoning, or it is all."""

Place = tuple[str, int]
Placed = list[tuple[Place, AnyPart]]

PLAIN = frozenset({"completed", "in_progress", "incomplete"})
"""Values of an item's `status` that say no more than the status of the answer does."""

ESSENTIAL = frozenset(
    {"item_reference", "compaction", "compaction_trigger", "mcp_approval_request", "mcp_approval_response"}
)
"""Items that refer to what the service stores, or without which the request would be another one."""

FORMS: tuple[tuple[str, str, Literal["summary", "full"], str], ...] = (
    ("summary", SUMMARY, "summary", "summary_text"),
    ("content", THOUGHTS, "full", "reasoning_text"),
)
"""The field of its item in which reasoning stands, that place, which form it has there, and its type."""

State = Callable[[str], OpaqueState]
"""Makes a state of `encrypted_content`."""


class ItemReader(Struct, frozen=True):
    """Reads the items of an answer, or of a request; `state`: see State."""

    state: State
    answered: bool
    """Whether this is an answer."""

    def read(self, fields: Fields) -> Placed:
        """The parts of an item. Raises InvalidRequestError."""
        whole = dict(fields.rest)
        native = fields.text("type") or "message"
        if native in CALLS and isinstance(item := whole.get("id"), str):
            return [((WHOLE, 0), decode_call(native, item, whole))]
        match native:
            case "message":
                return self._message(fields)
            case "reasoning":
                return self._reasoning(fields)
            case "function_call" | "custom_tool_call":
                return [((WHOLE, 0), self._call(fields, native))]
            case kind if kind == CALL and not self.answered and is_of_callers(fields):
                return [((WHOLE, 0), decode_search_call(fields))]
            case "image_generation_call" if isinstance(data := whole.get("result"), str) and data:
                return [((WHOLE, 0), _image(data, whole))]
            case _:
                return [((WHOLE, 0), unknown(whole))]

    def read_loosely(self, item: object, number: int = 0) -> Placed:
        """The same for the item `number` of a service. What cannot be read is an unknown part; what is none is nothing.

        Raises BadEventError for a call without a name.
        """
        if not isinstance(item, dict):
            return []
        with suppress(InvalidRequestError):
            return self.read(Fields(item))
        with suppress(InvalidRequestError):
            return self.read(Fields(mended(item, number)))
        return [((WHOLE, 0), unknown(item))]

    def _message(self, fields: Fields) -> Placed:
        item = fields.text("id")
        fields.any("role")
        parts = decode_content(fields, item=item)
        rest = self._rest(fields)
        if item is not None and rest.get("status") == "completed":
            del rest["status"]  # each message with an id has it
        around = to_extra({f"{MESSAGE}{name}": value for name, value in rest.items()})
        if around and parts:
            first = replace(parts[0], extra=joined(parts[0].extra, around))
            parts = (first, *parts[1:])
        return [((CONTENT, i), part) for i, part in enumerate(parts)]

    def _reasoning(self, fields: Fields) -> Placed:
        item, secret = fields.text("id"), fields.text("encrypted_content")
        found: Placed = []
        whole = not self.answered and was_shown(item)
        for field, place, form, type_ in FORMS:
            for i, (path, value) in enumerate(fields.items(field)):
                part = Fields(value, path)
                if (said := part.required_text("type")) != type_:
                    raise wrong_type(part.path("type"), repr(type_), said)
                text = part.required_text("text")
                known = Reasoning(text=text, form="full" if whole else form, item=item, extra=to_extra(part.rest))
                found.append(((place, i), known))
        if not found:
            found.append(((WHOLE, 0), Reasoning(text="", form="redacted", item=item)))
        place_of_last, last = found[-1]
        rest = {f"{MESSAGE}{name}": value for name, value in self._rest(fields).items()}
        if secret == STATELESS and not self.answered:
            secret = None
        state = None if secret is None else self.state(secret)
        found[-1] = place_of_last, replace(last, opaque=state, extra=joined(last.extra, to_extra(rest)))
        return found

    def _call(self, fields: Fields, native: str) -> ToolCall:
        item = fields.text("id")
        call_id, name = _required(fields, "call_id"), _required(fields, "name")
        group = fields.text("namespace")
        text = fields.text("arguments" if native == "function_call" else "input")
        fields.any("parsed_arguments")  # the helper of OpenAI's client for streams leaves it (openai 3.57, 2026-11-25)
        return ToolCall(
            id=call_id,
            name=name,
            arguments=text or "",
            input_format="json" if native == "function_call" else "text",
            namespace=group,
            item=item,
            extra=to_extra(self._rest(fields)),
        )

    def _rest(self, fields: Fields) -> dict[str, Any]:
        rest = {name: value for name, value in fields.rest.items() if value is not None}
        if self.answered and isinstance(status := rest.get("status"), str) and status in PLAIN:
            del rest["status"]
        return rest


def _required(fields: Fields, name: str) -> str:
    said = fields.required_text(name)
    if not said:
        raise refused(fields.path(name), "expected at least one character, got none")
    return said


def unknown(item: dict[str, Any]) -> Unknown:
    """An item of a kind that only this protocol knows."""
    named, kind = item.get("id"), item.get("type")
    return Unknown(
        protocol=NAME,
        data=item,
        essential=isinstance(kind, str) and kind in ESSENTIAL,
        item=named if isinstance(named, str) else None,
    )


def _image(data: str, whole: dict[str, Any]) -> Image:
    form, item = whole.get("output_format"), whole.get("id")
    media_type = f"image/{form}" if isinstance(form, str) and form else media_type_of(data) or "image/png"
    rest = {name: value for name, value in whole.items() if name != "result"}
    return Image(
        data=data,
        media_type=media_type,
        item=item if isinstance(item, str) else None,
        extra=to_extra({ITEM: rest}),
    )
