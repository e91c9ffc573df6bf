"""What a tool gave: `functionResponse`, read and written.

Its `response` is any object. By agreement a text stands in its one field `result`, `output` or `error`; any other
object is the text itself. A text that is a JSON object goes in as that object.
"""

from typing import Any

import msgspec
from msgspec import Raw
from msgspec.structs import replace

from dragoman.protocols.gemini.extra import NAME, note, noted, to_extra
from dragoman.protocols.gemini.media import (
    RESOLUTIONS,
    decode_detail,
    decode_file,
    decode_inline,
    encode_media,
    with_rest,
)
from dragoman.protocols.json_fields import Fields, entries
from dragoman.types import Audio, File, Image, Text, ToolResult, Unknown
from dragoman.wire.json import NOT_STRICT, is_object

RESULT, OUTPUT, ERROR = "result", "output", "error"
WRAPPER = "responseField"
"""The note that names the field in which a text stood, if it would be written in another way."""

ResultPart = Text | Image | Audio | File | Unknown


class _Wrapped(msgspec.Struct, forbid_unknown_fields=True, omit_defaults=True):
    result: str | None = None
    output: str | None = None
    error: str | None = None


_wrapped = msgspec.json.Decoder(_Wrapped).decode


def decode_result(fields: Fields, call_id: str, text: str) -> ToolResult:
    """`functionResponse`, as the answer to the call `call_id`; `text`: the JSON text of its `response`."""
    name = fields.required_text("name")
    response = fields.object("response")
    parts: list[ResultPart] = []
    field = None
    if response:
        field, words = _unwrapped(text)
        parts.append(Text(text=words))
    parts += [_media(Fields(value, path)) for path, value in entries(_list(fields), fields.path("parts"))]
    result = ToolResult(id=call_id, parts=tuple(parts), name=name, is_error=field == ERROR)
    extra = to_extra({"functionResponse": fields.rest} if fields.rest else {})
    if field is not None and _field_for(result) != field:
        extra |= note(WRAPPER, field)
    return replace(result, extra=extra) if extra else result


def encode_result(result: ToolResult, name: str, *, known_id: bool, names: bool) -> dict[str, Any]:
    """The part's fields. `known_id`: the call has an id for the service. `names`: the service takes names of files."""
    said: dict[str, Any] = {"id": result.id} if known_id else {}
    said["name"] = name
    texts = [part.text for part in result.parts if isinstance(part, Text)]
    field = noted(result.extra, WRAPPER) or _field_for(result)
    if not texts:
        said["response"] = {ERROR: ""} if result.is_error else {}
    elif field is None:
        said["response"] = Raw(texts[0].encode())
    else:
        said["response"] = {field: "\n".join(texts)}
    media = [_encode_media(part, names=names) for part in result.parts if not isinstance(part, Text)]
    if found := [body for body in media if body is not None]:
        said["parts"] = found
    return {"functionResponse": said}


def _field_for(result: ToolResult) -> str | None:
    """The field for the text of a result; None if the text is the object itself."""
    if result.is_error:
        return ERROR
    texts = [part.text for part in result.parts if isinstance(part, Text)]
    return None if len(texts) == 1 and is_object(texts[0]) else RESULT


def _unwrapped(text: str) -> tuple[str | None, str]:
    """The field in which a text stands, and the text; no field, and the object's own text, if it is another object."""
    try:
        said = msgspec.structs.asdict(_wrapped(text))
    except NOT_STRICT:
        return None, text
    found = [(name, value) for name, value in said.items() if value is not None]
    return found[0] if len(found) == 1 else (None, text)


def _media(fields: Fields) -> ResultPart:
    whole = dict(fields.rest)
    if isinstance(whole.get("inlineData"), dict):
        part = decode_inline(fields.fields("inlineData"))
    elif isinstance(whole.get("fileData"), dict):
        part = decode_file(fields.fields("fileData"))
    else:
        return Unknown(protocol=NAME, data=whole)
    detail = decode_detail(fields) if isinstance(part, Image) else None
    part = replace(part, extra=to_extra(fields.rest | part.extra.get(NAME, {})))
    return replace(part, detail=detail) if detail is not None else part


def _encode_media(part: ResultPart, *, names: bool) -> dict[str, Any] | None:
    if isinstance(part, Unknown):
        data: dict[str, Any] | None = part.data if part.protocol == NAME else None
        return data
    body = None if isinstance(part, Text) else encode_media(part, names=names)
    if body is None:
        return None
    level = RESOLUTIONS.get(part.detail or "") if isinstance(part, Image) else None
    return with_rest(body | ({"mediaResolution": {"level": level}} if level else {}), part.extra)


def _list(fields: Fields) -> list[Any]:
    value = fields.any("parts")
    return value if isinstance(value, list) else [] if value is None else [value]
