"""The paths of an answer, over real sockets: what a caller is told on each. Knows how each is asked, and no case."""

import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from hashlib import sha256
from pathlib import Path
from typing import Any

from msgspec import Struct
from msgspec.json import encode
from msgspec.structs import asdict, replace

from dragoman.client import Client
from dragoman.config import Config, FrontConfig, load
from dragoman.errors import DragomanError
from dragoman.types import (
    AnyPart,
    ChatResponse,
    PartDelta,
    PartStart,
    Reasoning,
    Refusal,
    ResponseEnd,
    ResponseStart,
    StreamEvent,
    Text,
    ToolCall,
    Usage,
    names,
)
from tests.cases.reading import ReplySummary, understood
from tests.cases.service import SLOWLY
from tests.support.gateway import ask, running_gateway
from tests.support.relaying import KEY, PATH, Translating

DEFAULT = f"""\
[providers.up]
protocol = "openai-chat"
url = "{{service}}/v1"
api_key = "{KEY}"
"""
"""One service."""
IMPATIENT = DEFAULT + "timeouts = { idle = 0.5 }\n"
"""The same for a service that falls silent."""

WEB = "/aibn/api/generate"
BROKEN = b"Internal server error"
"""By which a chatgpt-demo says that an answer broke off."""

QUICKLY = "hi"


class Roads(Struct, frozen=True):
    """All paths to one service. `fields`: what the question says beside its words."""

    client: Client
    relay: str
    translate: str
    fields: Mapping[str, Any]

    async def walk(self, path: str, *, slowly: bool) -> ReplySummary:
        """What a caller of `path` is told."""
        group, _, way = path.partition(".")
        text = SLOWLY if slowly else QUICKLY
        match group:
            case "library":
                return await self._library(text, stream=way == "stream")
            case "web":
                return await self._web(text)
            case _:
                url = self.relay if group == "relay" else self.translate
                return await self._gateway(url, text, walk_name(path, slowly=slowly), stream=way == "stream")

    async def _gateway(self, url: str, text: str, name: str, *, stream: bool) -> ReplySummary:
        options = {"stream": True, "stream_options": {"include_usage": True}} if stream else {}
        body = {"model": "up/m", "messages": [{"role": "user", "content": text}], **options, **self.fields}
        got = await ask(url, "POST", PATH, {"x-request-id": name}, json.dumps(body).encode())
        return understood(got.status, got.headers, got.body, clean=got.clean, stream=stream)

    async def _web(self, text: str) -> ReplySummary:
        sign = sha256(f"0:{text}:".encode()).hexdigest()
        body = {"messages": [{"role": "user", "content": text}], "time": 0, "sign": sign}
        got = await ask(self.relay, "POST", WEB, None, json.dumps(body).encode())
        told = ReplySummary(status=got.status, clean=got.clean, body=got.body)
        if got.status != 200:
            told.error = json.loads(got.body)["error"]
        elif got.chunks and got.chunks[-1] == BROKEN:
            told.error = {}
            told.text = b"".join(got.chunks[:-1]).decode()
        else:
            told.text = got.text
        return told

    async def _library(self, text: str, *, stream: bool) -> ReplySummary:
        fields = {key: value for key, value in self.fields.items() if key != "model"}
        model = self.fields.get("model", "up/m")
        told = ReplySummary()
        try:
            if stream:
                await _follow(self.client.stream(model, text, extra_body=fields), told)
            else:
                _note(await self.client.chat(model, text, extra_body=fields), told)
        except DragomanError as exc:
            told.body = encode(dict(exc.extra))
            told.error = {
                "message": exc.message,
                "code": exc.code,
                "type": exc.native_type or exc.type,
                "status": exc.status,
                "param": exc.param,
                "retry_after": exc.retry_after,
            }
        return told


@asynccontextmanager
async def roads(url: str, config: str, fields: Mapping[str, Any], folder: Path) -> AsyncIterator[Roads]:
    """All paths to the service at `url`, under the configuration that is the text `config`.

    Where they end, the gateways' request logs are `relay.log` and `translate.log` in `folder`.
    """
    file = folder / "dragoman.toml"
    file.write_text(config.replace("{service}", url))
    loaded = load(file, {})
    model = fields.get("model", "up/m")
    relay, translate = (_gateway(loaded, model, folder / f"{name}.log") for name in ("relay", "translate"))
    async with (
        Client(loaded, retries=0) as client,
        running_gateway(relay) as relaying,
        running_gateway(translate, client=Translating(translate)) as translating,
    ):
        yield Roads(client, relaying, translating, fields)


def logged(folder: Path) -> dict[str, dict[str, Any]]:
    """The lines of both logs, by the names of the walks that they are about."""
    said = b"".join((folder / f"{name}.log").read_bytes() for name in ("relay", "translate"))
    return {line["id"]: line for line in map(json.loads, said.splitlines())}


def walk_name(path: str, *, slowly: bool) -> str:
    """What a request is called in the log."""
    return f"{path}-slowly" if slowly else path


def _gateway(config: Config, model: str, log: Path) -> Config:
    gateway = replace(config.gateway, request_log=str(log))
    return replace(config, gateway=gateway, fronts={"aibn": FrontConfig(model=model)} | config.fronts)


async def _follow(answer: AsyncIterator[StreamEvent], told: ReplySummary) -> None:
    """Notes a stream as far as it comes."""
    told.marked = False
    kind: type[AnyPart] | None = None
    async for event in answer:
        told.body += encode(event)
        match event:
            case PartStart(part):
                kind = type(part)
                _part(part, told)
            case PartDelta(text):
                _more(kind, text, told)
            case ResponseStart():
                told.losses = list(names(event.losses))
            case ResponseEnd():
                _end(event.finish_reason, event.usage, told)


def _note(response: ChatResponse, told: ReplySummary) -> None:
    """Notes a whole answer."""
    told.body = encode(response)
    for part in response.parts:
        _part(part, told)
    told.losses = list(names(response.losses))
    _end(response.finish_reason, response.usage, told)


def _part(part: AnyPart, told: ReplySummary) -> None:
    match part:
        case ToolCall():
            told.calls.append({"name": part.name, "arguments": part.arguments})
        case Text() | Reasoning() | Refusal():
            _more(type(part), part.text, told)


def _more(kind: type[AnyPart] | None, text: str, told: ReplySummary) -> None:
    if kind is Text:
        told.text += text
    elif kind is Reasoning:
        told.reasoning += text
    elif kind is Refusal:
        told.refusal += text
    elif kind is ToolCall:
        told.calls[-1]["arguments"] += text


def _end(reason: str, usage: Usage | None, told: ReplySummary) -> None:
    told.marked = True
    told.finish_reason = reason
    told.usage = {name: count for name, count in asdict(usage).items() if isinstance(count, int)} if usage else {}
