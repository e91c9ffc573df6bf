"""What was recorded of the two real servers, asked of our fronts: the same status, and the front's own words."""

import asyncio
from base64 import b64decode
from collections.abc import Iterator
from json import loads
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from dragoman.config import Config, FrontConfig, GatewayConfig, ProviderConfig
from dragoman.wire import json
from tests.support.gateway import Got, ask, running_gateway
from tests.support.ports import free_port
from tests.support.server import Exchange, serve

RECORDED = Path(__file__).parents[1] / "transcripts"
FRONTS = {"chatgpt-demo": "aibn", "geminiprochat": "aichatfree"}
SETTINGS = {
    "open": FrontConfig(),
    "refused": FrontConfig(),
    "locked": FrontConfig(password="hunter2,second", secret="s3cret"),
}
ANSWER = "Привет, мир! 👋"
UPSTREAMS: dict[str, tuple[int, str]] = {
    "upstream-err400": (400, "API key not valid"),
    "upstream-err401": (401, "Incorrect API key provided"),
    "upstream-err429": (429, "Quota exceeded"),
    "upstream-err429details": (429, "Quota exceeded"),
    "upstream-err500": (500, "An internal error has occurred"),
    "upstream-err502html": (502, "Bad Gateway"),
}
"""What the recorded upstreams answered, by scenario."""
BROKEN = {"upstream-drop-mid", "upstream-safety-mid"}
NOT_OURS = {
    "upstream-nodone": "the recorded server never ends such an answer, which is a fault of its own",
    "upstream-split-utf8": "the recorded server breaks characters itself",
    "upstream-blocked": "the recorded server sends a status before it knows; ours waits for content",
    "messages-empty": "the recorded upstream, not the server, refuses no messages",
}


def recordings(server: str) -> Iterator[dict[str, Any]]:
    """The exchanges of a server that was up to date."""
    for path in sorted((RECORDED / server).glob("*.json")):
        recording: dict[str, Any] = loads(path.read_bytes())
        if recording["config"]["name"] in SETTINGS and recording["name"] not in NOT_OURS:
            yield recording


async def upstream(exchange: Exchange) -> None:
    """The service behind the gateway: does what the scenario that the request's model names says."""
    scenario = json.decode_event(exchange.request.body)["model"]
    if scenario in UPSTREAMS:
        status, message = UPSTREAMS[scenario]
        await exchange.reply(status, {"content-type": "application/json"}, json.encode({"error": {"message": message}}))
        return
    if scenario == "upstream-drop-before":
        exchange.reset()
        return
    await exchange.head(headers={"content-type": "text/event-stream"})
    for piece in ("Привет", ", мир! ", "👋"):
        await exchange.chunk(b"data: %b\n\n" % json.encode({"choices": [{"index": 0, "delta": {"content": piece}}]}))
        await asyncio.sleep(0.005)
    if scenario in BROKEN:
        exchange.reset()
        return
    await exchange.chunk(b'data: {"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}\n\ndata: [DONE]\n\n')
    await exchange.end()


async def replay(server: str, settings: str) -> list[tuple[dict[str, Any], Got]]:
    """Every exchange recorded under `settings`, and our answer to its request; each upstream has its own gateway."""
    async with serve(upstream) as service:
        done: list[tuple[dict[str, Any], Got]] = []
        named: dict[bool, list[dict[str, Any]]] = {True: [], False: []}
        for recording in recordings(server):
            if recording["config"]["name"] == settings:
                named[recording["name"].startswith("upstream-")].append(recording)
        for model, batch in [("good", named[False]), *((each["name"], [each]) for each in named[True])]:
            url = f"http://127.0.0.1:{free_port()}" if settings == "refused" else service.url
            provider = ProviderConfig(protocol="openai-chat", url=url)
            config = Config(
                gateway=GatewayConfig(port=0),
                providers={"up": provider},
                fronts={FRONTS[server]: replace(SETTINGS[settings], model=f"up/{model}")},
            )
            async with running_gateway(config) as gateway:
                for recording in batch:
                    request = recording["request"]
                    headers = dict(request["headers"])
                    path = f"/{FRONTS[server]}{request['path']}"
                    body = b64decode(request["body_b64"] or "")
                    done.append((recording, await ask(gateway, request["method"], path, headers, body)))
        return done


@pytest.mark.parametrize("settings", list(SETTINGS))
@pytest.mark.parametrize("server", list(FRONTS))
async def test_answers_as_recorded(server: str, settings: str) -> None:
    done = await replay(server, settings)
    assert done
    for recording, got in done:
        response, name = recording["response"], recording["name"]
        headers = {key.lower(): value for key, value in response["headers"]}
        assert got.status == response["status"], name
        assert got.clean, name
        if name in BROKEN:
            assert got.text == f"{ANSWER}Internal server error"
            assert got.chunks[-1] == b64decode(response["chunks"][-1]["b64"]) == b"Internal server error"
        elif got.status == 200 and not recording["request"]["path"].endswith("/auth"):
            assert got.text == ANSWER, name
            assert len(got.chunks) > 1, name
            assert got.headers.get("content-type") == headers.get("content-type"), name
        elif name in UPSTREAMS or name in {"upstream-drop-before", "upstream-refused"}:
            assert UPSTREAMS.get(name, (0, '"message":"'))[1] in got.text, name
        else:
            assert got.text == response["body_utf8"], name
            assert got.headers.get("content-type") == headers.get("content-type"), name
