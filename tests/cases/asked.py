"""A caller's bytes, and what a gateway answers: its own server, relaying and translating, and the ASGI application."""

import asyncio
import json
from collections.abc import Mapping
from typing import Any, Literal
from urllib.parse import unquote

import msgspec
from msgspec import UNSET, Struct, UnsetType, field

from dragoman.config import Config
from dragoman.gateway import Gateway
from dragoman.gateway.asgi import AsgiGateway, Message
from tests.cases.expected import Words, words
from tests.cases.page import Block, CaseError, Page, repeated
from tests.support.gateway import Got, connect
from tests.support.raw import turns

WAYS = ("relay", "translate", "asgi")
FIELDS = ("code", "type", "param")


class Reply(Struct, frozen=True, forbid_unknown_fields=True):
    """What must be answered. `headers`: "" is a header that must not be there. `upstream`: what the service saw."""

    status: int
    code: str | UnsetType = UNSET
    type: str | UnsetType = UNSET
    param: str | UnsetType = UNSET
    message_has: Words = ()
    message_lacks: Words = ()
    headers: dict[str, str] = field(default_factory=dict)
    body_has: Words = ()
    body_lacks: Words = ()
    upstream: Literal["none", "asked"] | UnsetType = UNSET

    def differences(self, got: Got, bodies: list[bytes]) -> list[str]:
        """Where an answer differs from this, and what the service was sent meanwhile."""
        error = _error(got.body)
        message, body = str(error.get("message")), got.body.decode("utf-8", "replace")
        fields = {name: want for name, want in msgspec.structs.asdict(self).items() if name in FIELDS}
        said: list[tuple[str, object, object]] = [
            ("status", self.status, got.status),
            ("upstream", self.upstream, "asked" if bodies else "none"),
            *((name, want, error.get(name)) for name, want in fields.items()),
            *((f"header {name}", want, got.headers.get(name, "")) for name, want in self.headers.items()),
        ]
        return [
            *(
                f"expected {name} {want!r}, got {have!r}"
                for name, want, have in said
                if want is not UNSET and want != have
            ),
            *_words(message, self.message_has, self.message_lacks),
            *_words(body, self.body_has, self.body_lacks),
        ]


def replies(table: Mapping[str, Any]) -> dict[str, Reply]:
    """What a table expects of each way. Raises CaseError."""
    base = {key: value for key, value in table.items() if key not in {*WAYS, "only"}}
    try:
        return {way: msgspec.convert(base | table.get(way, {}), Reply) for way in table.get("only", WAYS)}
    except msgspec.ValidationError as exc:
        raise CaseError(f"expect: {exc}") from exc


def request(page: Page, block: Block) -> tuple[list[str], bytes]:
    """The head's lines, and the body. Host and Content-Length are added if they are missing. Raises CaseError."""
    head, blank, body = block.text.partition("\n\n")
    if not blank:
        raise page.error(block.line, "expected a request line, headers, and a blank line")
    data = Block("", "", {}, body, 0).escaped() if "escapes" in block.options else repeated(body.encode())
    lines = head.split("\n")
    names = {line.partition(":")[0].lower() for line in lines[1:]}
    if "host" not in names:
        lines.append("Host: localhost")
    if data and not names & {"content-length", "transfer-encoding"}:
        lines.append(f"Content-Length: {len(data)}")
    return lines, data


async def over_a_socket(url: str, head: list[str], body: bytes, *, slowly: bool) -> Got:
    """The answer of a server, to a request in one piece or byte by byte."""
    data = "\r\n".join([*head, "\r\n"]).encode("latin-1") + body
    size = 1 if slowly else len(data)
    async with connect(url) as wire:
        for at in range(0, len(data), size):
            wire.writer.write(data[at : at + size])
            await turns(1)
        return await wire.answer()


async def in_process(config: Config, head: list[str], body: bytes) -> Got:
    """The answer of the ASGI application."""
    gateway = Gateway(config)
    method, target, _ = head[0].split(" ")
    path, _, query = target.partition("?")
    fields = [line.partition(":") for line in head[1:]]
    scope = {
        "type": "http",
        "method": method,
        "path": unquote(path),
        "query_string": query.encode(),
        "headers": [(name.lower().encode(), value.strip().encode("latin-1")) for name, _, value in fields],
    }
    asked = [{"type": "http.request", "body": body, "more_body": False}]
    told: list[Message] = []

    async def receive() -> Message:
        if asked:
            return asked.pop()
        await asyncio.Event().wait()
        raise AssertionError

    async def send(message: Message) -> None:
        told.append(message)

    await AsgiGateway(gateway)(scope, receive, send)
    await gateway.aclose()
    headers = {name.decode(): value.decode() for name, value in told[0]["headers"]}
    return Got(told[0]["status"], headers, [message["body"] for message in told[1:]], clean=True)


def _error(body: bytes) -> dict[str, Any]:
    try:
        value = json.loads(body)
    except ValueError:
        return {}
    error = value.get("error") if isinstance(value, dict) else None
    return error if isinstance(error, dict) else {}


def _words(text: str, has: Words, lacks: Words) -> list[str]:
    return [
        *(f"expected {word!r} in {text!r}" for word in words(has) if word not in text),
        *(f"expected no {word!r} in {text!r}" for word in words(lacks) if word in text),
    ]
