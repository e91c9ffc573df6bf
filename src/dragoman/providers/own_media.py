"""Pictures, sound and documents in values of a caller: they have content in base64 or an address, and data URLs become
data.

Services with OpenAI's protocol alone read a data URL wherever an address may stand.
"""

from collections.abc import Sequence
from typing import Any, TypeVar

from msgspec.structs import replace

from dragoman.errors import InvalidRequestError
from dragoman.protocols.media import check_base64, read_data_url
from dragoman.types import AnyPart, Media, ToolResult

P = TypeVar("P", bound=AnyPart)

SCHEME = "data:"


def read_media(parts: Sequence[P], path: str) -> tuple[P, ...]:
    """`parts`, as all protocols can say them. Raises InvalidRequestError, because many services would take what is no
    base64, or nothing at all, and the model would see nothing."""
    return tuple(_read(part, f"{path}[{i}]") for i, part in enumerate(parts))


def _read(part: AnyPart, path: str) -> Any:
    """A part of the same class."""
    match part:
        case ToolResult(parts=inner):
            return replace(part, parts=read_media(inner, f"{path}.parts"))
        case Media(url=str() as url) if url[: len(SCHEME)].lower() == SCHEME:
            found = read_data_url(url)
            if found is None:
                raise InvalidRequestError(f"{path}.url: expected a data URL with a media type and base64")
            media_type, data = found
            check_base64(data, f"{path}.url")
            return replace(part, url=None, data=data, media_type=part.media_type or media_type)
        case Media(data=str() as data) if data:
            if data.startswith(SCHEME):
                raise InvalidRequestError(f"{path}.data: expected base64, got a data URL, which is for `url`")
            check_base64(data, f"{path}.data")
        case Media(url=url, file_id=file) if not url and not file:
            raise InvalidRequestError(f"{path}: expected `url`, `data` or `file_id`, got none of them")
    return part
