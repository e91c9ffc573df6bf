"""One part of a turn, in a request or an answer: read strictly, and written."""

import re
from base64 import b64encode
from collections.abc import Callable
from typing import Any, Protocol, assert_never

from msgspec import Raw
from msgspec.structs import replace

from dragoman.errors import InvalidRequestError
from dragoman.protocols.gemini.extra import NAME, to_extra, with_extra
from dragoman.protocols.gemini.hosted import (
    decode_call,
    decode_code,
    decode_ran,
    decode_response,
    encode_hosted,
)
from dragoman.protocols.gemini.media import (
    AUTO,
    RESOLUTIONS,
    decode_detail,
    decode_file,
    decode_inline,
    encode_media,
    with_rest,
)
from dragoman.protocols.gemini.results import decode_result, encode_result
from dragoman.protocols.json_fields import Fields, refused
from dragoman.protocols.opaque import unwrapped_base64
from dragoman.protocols.tools.freeform import wrapped_input
from dragoman.types import (
    AnyPart,
    Audio,
    Extra,
    File,
    HostedCall,
    HostedResult,
    Image,
    OpaqueState,
    Reasoning,
    Refusal,
    Text,
    ToolCall,
    ToolResult,
    Unknown,
)
from dragoman.wire.json import is_object

SIGNATURE = "thoughtSignature"
BASE64 = re.compile(r"[A-Za-z0-9+/_-]*={0,2}", re.ASCII)
"""A signature in either alphabet; padding is optional."""

SENTINEL = "skip_thought_signature_validator"
"""What stands for the signature of a call that another service made: https://ai.google.dev/gemini-api/docs/thought-signatures"""

UNSIGNED = frozenset(
    form
    for word in (SENTINEL, "context_engineering_is_the_way_to_go")
    for form in (word, b64encode(word.encode()).decode())
)
"""Signatures that say there is none, as programs write them for what other services made: Gemini CLI in plain letters,
LiteLLM in base64. They stay in `extra`: no service has written them, so that no other one lacks them."""

MADE_UP = re.compile(r"call_\d{1,6}(?:_\d{1,6})?", re.ASCII)
"""The id of a call to which the service gave none: the numbers of its turn and of itself. xAI gives eight digits."""

KINDS = (
    "text",
    "inlineData",
    "fileData",
    "functionCall",
    "functionResponse",
    "executableCode",
    "codeExecutionResult",
    "toolCall",
    "toolResponse",
)
"""What a part may hold: one of these."""

ABOUT = frozenset({"thought", SIGNATURE, "videoMetadata", "mediaResolution", "partMetadata"})
"""Fields that say something about what a part holds."""

Sign = Callable[[OpaqueState], str]
ReadState = Callable[[str], OpaqueState]


class Ids(Protocol):
    """Names calls and results for which the wire has no id."""

    def call(self, known: str | None, name: str) -> str:
        """The id of the next call."""

    def result(self, known: str | None, name: str, path: str) -> str:
        """The id of the call that a result answers. Raises InvalidRequestError if there is none."""

    def hosted(self, known: str | None, *, result: bool) -> str:
        """The id of the next use of a tool of the service, or of the last one, for its result."""


def made_up(turn: int, number: int) -> str:
    """The id of the call `number` of the message `turn`."""
    return f"call_{turn}_{number}"


def returned_state(signature: str) -> OpaqueState:
    """The state that a caller sends back."""
    return unwrapped_base64(signature, NAME)


def decode_part(
    value: object, path: str, text: str, ids: Ids, read_state: ReadState = returned_state, *, returned: bool = False
) -> AnyPart:
    """The part. `text`: the JSON text of the object in it. Raises InvalidRequestError.

    `returned`: a service has written it, and it may hold nothing. Google's client for Go leaves out a text that is
    empty, so that the one which ends a stream comes back as `{}`.
    """
    fields = Fields(value, path)
    whole = {name: inner for name, inner in fields.rest.items() if inner is not None}
    held = [kind for kind in KINDS if kind in whole]
    if len(held) > 1:
        raise refused(path, f"expected one of {' and '.join(held)}, got both")
    if not held:
        if not ABOUT.issuperset(whole):
            return Unknown(protocol=NAME, data=whole)
        if SIGNATURE not in whole and not returned:
            raise refused(path, f"expected one of {', '.join(KINDS)}, got none")
    thought, signature = fields.boolean("thought"), fields.text(SIGNATURE)
    if signature is not None and not BASE64.fullmatch(signature):
        raise refused(fields.path(SIGNATURE), "expected base64")
    if signature in UNSIGNED:
        fields.rest[SIGNATURE], signature = signature, None
    state = read_state(signature) if signature else None
    part = _held(held[0] if held else "text", fields, text, ids)
    if isinstance(part, Text) and thought:
        extra = to_extra(fields.rest)
        return Reasoning(text=part.text, form="summary" if part.text else "redacted", opaque=state, extra=extra)
    rest = fields.rest | ({} if thought is None else {"thought": thought})
    extra = joined(part.extra, to_extra(rest))
    return part if state is None and not extra else replace(part, opaque=state, extra=extra)


def _held(kind: str, fields: Fields, text: str, ids: Ids) -> AnyPart:
    match kind:
        case "text":
            return Text(text=fields.text("text") or "")
        case "inlineData" | "fileData":
            inner = fields.fields(kind)
            media = decode_inline(inner) if kind == "inlineData" else decode_file(inner)
            if isinstance(media, Image) and (detail := decode_detail(fields)) is not None:
                return replace(media, detail=detail)
            return media
        case "functionCall":
            return _call(fields.fields(kind), text, ids)
        case "functionResponse":
            inner = fields.fields(kind)
            name = inner.rest.get("name")
            known = inner.text("id")
            call = ids.result(known, name if isinstance(name, str) else "", inner.path("name"))
            return decode_result(inner, call, text)
        case "executableCode":
            inner = fields.fields(kind)
            return decode_code(inner, ids.hosted(_id(inner), result=False))
        case "codeExecutionResult":
            inner = fields.fields(kind)
            return decode_ran(inner, ids.hosted(_id(inner), result=True))
        case "toolCall":
            inner = fields.fields(kind)
            return decode_call(inner, ids.hosted(_id(inner), result=False), text)
        case _:
            inner = fields.fields(kind)
            return decode_response(inner, ids.hosted(_id(inner), result=True), text)


def _id(fields: Fields) -> str | None:
    known = fields.rest.get("id")
    return known if isinstance(known, str) and known else None


def _call(fields: Fields, text: str, ids: Ids) -> ToolCall:
    known, name = fields.text("id"), fields.required_text("name")
    arguments = fields.object("args")
    extra = to_extra({"functionCall": fields.rest} if fields.rest else {})
    call = ids.call(known or None, name)
    return ToolCall(id=call, name=name, arguments="{}" if arguments is None else text, extra=extra)


def joined(first: Extra, later: Extra) -> Extra:
    """Both as one."""
    return first | {name: first.get(name, {}) | fields for name, fields in later.items()}


class PartWriter:
    """Writes parts for a service or a caller.

    `sign`: the text of opaque state. `names`: whether names of files are taken. `result_names`: the names of calls by
    their ids, for results that do not have them. `foreign`: uses of other services' own tools are shown.
    """

    def __init__(
        self, sign: Sign, *, names: bool, result_names: dict[str, str] | None = None, foreign: bool = False
    ) -> None:
        self._sign = sign
        self._names = names
        self._result_names = result_names or {}
        self._foreign = foreign

    def write(self, part: AnyPart, path: str) -> dict[str, Any] | None:
        """The part on the wire; None if there is nothing to write. Raises InvalidRequestError."""
        body = self._held(part, path)
        if body is None:
            return None
        if part.opaque is not None:
            body[SIGNATURE] = self._sign(part.opaque)
        if isinstance(part, HostedCall | HostedResult):
            rest = {name: value for name, value in part.extra.get(NAME, {}).items() if name not in KINDS}
            return body | rest
        return with_rest(body, part.extra) if isinstance(part, Image | Audio) else with_extra(body, part.extra)

    def _held(self, part: AnyPart, path: str) -> dict[str, Any] | None:
        match part:
            case Text(text=text) | Refusal(text=text):
                return {"text": text}
            case Reasoning(text=text):
                return {"text": text, "thought": True} if text or part.opaque is not None else None
            case Image() | Audio() | File():
                body = encode_media(part, names=self._names)
                detail = part.detail if isinstance(part, Image) else None
                if body is not None and detail is not None and detail != AUTO and detail in RESOLUTIONS:
                    body["mediaResolution"] = {"level": RESOLUTIONS[detail]}
                return body
            case ToolCall():
                return {"functionCall": encode_call(part, path)}
            case ToolResult():
                name = part.name or self._result_names.get(part.id)
                if name is None:
                    raise refused(path, "expected a call with the id of this result, or the result's name")
                return encode_result(part, name, known_id=not MADE_UP.fullmatch(part.id), names=self._names)
            case HostedCall() | HostedResult():
                return encode_hosted(part, foreign=self._foreign)
            case Unknown(protocol=protocol, data=data):
                return dict(data) if protocol == NAME and isinstance(data, dict) else None
            case _:
                assert_never(part)


def encode_call(call: ToolCall, path: str) -> dict[str, Any]:
    """The fields of `functionCall`. Raises InvalidRequestError if the arguments are not a JSON object."""
    said: dict[str, Any] = {} if MADE_UP.fullmatch(call.id) else {"id": call.id}
    said["name"] = call.name
    said["args"] = Raw(object_text(call, path).encode())
    return said


def object_text(call: ToolCall, path: str) -> str:
    """The arguments, as the text of a JSON object. Raises InvalidRequestError if they are something else."""
    if call.input_format == "text":
        return wrapped_input(call.arguments)
    text = call.arguments
    if not text.strip():
        return "{}"
    if not is_object(text):
        raise InvalidRequestError(f"{path}: expected the arguments of a call as a JSON object", param=path)
    return text
