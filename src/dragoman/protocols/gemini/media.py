"""Pictures, sound and files of this protocol: data within the part, or a URI. Read and written."""

from typing import Any

from dragoman.errors import InvalidRequestError
from dragoman.protocols.extra import without_none
from dragoman.protocols.gemini.extra import NAME, to_extra, with_extra
from dragoman.protocols.json_fields import Fields, refused
from dragoman.protocols.media import check_base64, media_type_of, registered
from dragoman.types import Audio, Extra, File, Image

AnyMedia = Image | Audio | File

HELD = ("inlineData", "fileData")
"""The fields with what a part holds."""

RESOLUTIONS: dict[str, str] = {"low": "MEDIA_RESOLUTION_LOW", "high": "MEDIA_RESOLUTION_HIGH"}
"""How closely to look at a picture: our words to this protocol's."""
DETAILS: dict[str, str] = {theirs: ours for ours, theirs in RESOLUTIONS.items()}
AUTO = "auto"
"""Our word for what this protocol does if nothing is said."""

STORED = ("https://generativelanguage.googleapis.com/", "gs://")
"""How the URIs begin of what only Google's services can read: their Files API, and Cloud Storage."""

ENDINGS: dict[str, str] = {
    "png": "image/png",
    "jpg": "image/jpeg",
    "jpeg": "image/jpeg",
    "gif": "image/gif",
    "webp": "image/webp",
    "heic": "image/heic",
    "pdf": "application/pdf",
    "txt": "text/plain",
    "csv": "text/csv",
    "html": "text/html",
    "mp3": "audio/mpeg",
    "wav": "audio/wav",
    "ogg": "audio/ogg",
    "flac": "audio/flac",
    "mp4": "video/mp4",
    "mov": "video/mov",
    "webm": "video/webm",
}
"""The ending of a URL's path to a media type, which some services of this protocol need."""

DISPLAY_NAME = "displayName"
"""The field with the name of what a part holds. Only files have names elsewhere, so that it stays with this protocol if
it is that of a picture or a sound."""

URLSAFE = str.maketrans("-_", "+/")


def decode_inline(fields: Fields) -> AnyMedia:
    """`inlineData`. Its base64 may have either alphabet, and no padding: Google's SDKs send the one for URLs."""
    data, kind, name = fields.required_text("data"), fields.text("mimeType"), fields.text(DISPLAY_NAME)
    plain = data.translate(URLSAFE).rstrip("=")
    plain += "=" * (-len(plain) % 4)
    check_base64(plain, fields.path("data"))
    return _media(kind, name, to_extra({"inlineData": fields.rest} if fields.rest else {}), data=plain)


def decode_file(fields: Fields) -> AnyMedia:
    """`fileData`."""
    uri, kind, name = fields.required_text("fileUri"), fields.text("mimeType"), fields.text(DISPLAY_NAME)
    if not uri:
        raise refused(fields.path("fileUri"), "expected a URI, got an empty string")
    extra = to_extra({"fileData": fields.rest} if fields.rest else {})
    if uri.startswith(STORED):
        return _media(kind, name, extra, file_id=uri, service=NAME)
    return _media(kind, name, extra, url=uri)


def decode_detail(fields: Fields) -> str | None:
    """How closely to look at a picture; a resolution without a word of ours is left in the fields' rest."""
    match fields.rest.get("mediaResolution"):
        case {"level": str(level), **rest} if level in DETAILS and not rest:
            fields.any("mediaResolution")
            return DETAILS[level]
        case _:
            return None


def encode_media(part: AnyMedia, *, names: bool) -> dict[str, Any] | None:
    """The part's fields; None if nothing says where it is. `names`: the service takes the names of files."""
    name = part.name if isinstance(part, File) and names else None
    kind = part.media_type
    if part.data is not None:
        kind = kind or media_type_of(part.data)
        if kind is None:
            raise InvalidRequestError("a part with data: expected its media type, or data that shows it")
        return {"inlineData": without_none({"mimeType": registered(kind), "data": part.data, DISPLAY_NAME: name})}
    uri = part.file_id if part.url is None else part.url
    if uri is None:
        return None
    kind = kind or _by_ending(uri)
    return {"fileData": without_none({"mimeType": kind, "fileUri": uri, DISPLAY_NAME: name})}


def with_rest(body: dict[str, Any], extra: Extra) -> dict[str, Any]:
    """A part with such fields, and the fields of this protocol that have no canonical values."""
    out = with_extra(body, extra)
    name = out.pop(DISPLAY_NAME, None)
    return (
        out
        if name is None
        else {key: said | {DISPLAY_NAME: name} if key in HELD else said for key, said in out.items()}
    )


def _media(kind: str | None, name: str | None, extra: Extra, **source: Any) -> AnyMedia:
    family = (kind or "").partition("/")[0]
    if family not in {"image", "audio"}:
        return File(media_type=kind, name=name, extra=extra, **source)
    if name is not None:
        extra = to_extra({**extra.get(NAME, {}), DISPLAY_NAME: name})
    return (Image if family == "image" else Audio)(media_type=kind, extra=extra, **source)


def _by_ending(uri: str) -> str | None:
    path = uri.partition("?")[0].partition("#")[0]
    return ENDINGS.get(path.rpartition(".")[2].lower())
