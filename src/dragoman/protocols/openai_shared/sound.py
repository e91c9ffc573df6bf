"""Sound as a part of a message, `input_audio`: read and written."""

from collections.abc import Callable, Mapping
from typing import Any

from dragoman.protocols.json_fields import Fields
from dragoman.protocols.media import check_base64
from dragoman.protocols.openai_shared.cache import decode_breakpoint
from dragoman.types import Audio, Extra

TYPE = "input_audio"

FORMATS: dict[str, str] = {"mpeg": "mp3", "x-wav": "wav", "wave": "wav", "L16": "pcm16"}
"""The second half of a media type to this protocol's name of the format, if the two differ."""


def decode_sound(fields: Fields, to_extra: Callable[[Mapping[str, Any]], Extra]) -> Audio:
    """The part. `to_extra`: keeps the fields that have no canonical name."""
    audio = fields.fields(TYPE)
    data, form, cache = audio.required_text("data"), audio.required_text("format"), decode_breakpoint(fields)
    check_base64(data, audio.path("data"))
    rest = fields.rest | ({TYPE: audio.rest} if audio.rest else {})
    return Audio(data=data, media_type=f"audio/{form}", cache=cache, extra=to_extra(rest))


def encode_sound(audio: Audio) -> dict[str, Any]:
    """The part, without what belongs to every part."""
    half = (audio.media_type or "audio/wav").partition("/")[2].partition(";")[0]
    return {"type": TYPE, TYPE: {"data": audio.data, "format": FORMATS.get(half, half)}}
