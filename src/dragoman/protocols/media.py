"""Pictures, sound and documents in a message: base64 text, data URLs, media types. Knows no vendor."""

import re
from binascii import Error, a2b_base64, b2a_base64
from collections.abc import Sequence

from dragoman.protocols.json_fields import refused

DATA_URL = re.compile(
    r"data:([\w.+-]+/[\w.+-]+)?(?:;charset=utf-8|;(?!charset=)[\w-]+=[^;,]*)*+;base64,(.+)",
    re.ASCII | re.DOTALL | re.IGNORECASE,
)
"""https://www.rfc-editor.org/rfc/rfc2397, in the only form that all services take. A browser writes the charset too, if
a text has one, and forms on pages write the name of a file (rjsf-team/react-jsonschema-form)."""

MAGIC: dict[str, str] = {
    r"iVBORw0KGgo": "image/png",
    r"/9j/": "image/jpeg",
    r"R0lGOD": "image/gif",
    r"UklGR.{6}XQVZF": "audio/wav",
    r"UklGR": "image/webp",
    r"Qk[0-3]": "image/bmp",
    r"JVBERi0": "application/pdf",
}
"""How the base64 of each type begins: some protocols name no media type, but others need it."""

NAMES: dict[str, str] = {"image/jpg": "image/jpeg", "image/pjpeg": "image/jpeg", "image/x-png": "image/png"}
"""Media types that are not registered, to those that are."""

_BEGINNINGS = {kind: re.compile(magic) for magic, kind in MAGIC.items()}


def read_data_url(url: str) -> tuple[str, str] | None:
    """The media type, as said or as the data shows it, and the base64 text of a data URL; None if it is another URL."""
    found = DATA_URL.fullmatch(url)
    kind = None if found is None else found[1] or media_type_of(found[2])
    return None if found is None or kind is None else (kind, found[2])


def data_url(media_type: str, data: str) -> str:
    """The data URL of base64 text."""
    return f"data:{media_type};base64,{data}"


def media_type_of(data: str) -> str | None:
    """The media type that the beginning of base64 text shows; None if it shows none."""
    return next((kind for kind, magic in _BEGINNINGS.items() if magic.match(data)), None)


def registered(media_type: str) -> str:
    """The name under which a media type is registered: programs write `image/jpg`, which Anthropic and Google refuse.

    NousResearch/hermes-agent#55432, brianpetro/obsidian-smart-connections#1238.
    """
    return NAMES.get(known := media_type.lower(), known if known.startswith("image/") else media_type)


def joined_base64(pieces: Sequence[str]) -> str:
    """The base64 text of what these say one after the other; of what is no base64, the text alone."""
    try:
        return b2a_base64(b"".join(map(a2b_base64, pieces)), newline=False).decode()
    except (Error, ValueError):
        return "".join(pieces)


def check_base64(data: str, path: str) -> None:
    """Raises InvalidRequestError if `data` is not base64 text with padding, or holds nothing."""
    if not data:
        raise refused(path, "expected base64, got an empty string")
    try:
        a2b_base64(data, strict_mode=True)
    except (Error, ValueError) as exc:
        raise refused(path, "expected base64") from exc
