"""The recorded exchanges, as values."""

import json
from base64 import b64decode
from pathlib import Path
from typing import Any

from msgspec import Struct

from dragoman.types import HttpResponse, ResponseHead, ServerRequest

FOLDER = Path(__file__).parent.parent / "transcripts"
UNSET = "(unset)"


class Transcript(Struct, frozen=True):
    """One exchange. `chunks`: the bytes of each HTTP chunk of the reply; `upstream`: what the site sent on."""

    name: str
    secret: str
    password: str | None
    signed: dict[str, Any]
    call: ServerRequest
    head: ResponseHead
    chunks: tuple[bytes, ...]
    clean: bool
    upstream: tuple[dict[str, Any], ...]

    @property
    def body(self) -> bytes:
        """The whole reply's body."""
        return b"".join(self.chunks)

    @property
    def reply(self) -> HttpResponse:
        """The whole reply."""
        return HttpResponse(self.head, self.body)


def transcripts(site: str) -> list[Transcript]:
    """All exchanges with `site`, by name."""
    return [_read(path) for path in sorted((FOLDER / site).glob("*.json"))]


def _read(path: Path) -> Transcript:
    data = json.loads(path.read_text())
    request, response, config = data["request"], data["response"], data["config"]
    return Transcript(
        name=path.stem,
        secret="" if config["PUBLIC_SECRET_KEY"] == UNSET else config["PUBLIC_SECRET_KEY"],
        password=None if config["SITE_PASSWORD"] == UNSET else config["SITE_PASSWORD"],
        signed=data.get("signing") or {},
        call=ServerRequest(
            method=request["method"],
            path=request["path"],
            headers=tuple((key.lower().encode(), value.encode()) for key, value in request["headers"]),
            body=b64decode(request["body_b64"] or ""),
        ),
        head=ResponseHead(
            response["status"], tuple((key.encode(), value.encode()) for key, value in response["headers"])
        ),
        chunks=tuple(b64decode(chunk["b64"]) for chunk in response["chunks"]),
        clean=response["closed"] == "clean",
        upstream=tuple(json.loads(seen["body"]) for seen in data["upstream_seen"] or ()),
    )
