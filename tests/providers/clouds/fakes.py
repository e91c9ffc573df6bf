"""Services of clouds on loopback: what each must be asked, and what it answers."""

import json
from collections.abc import Mapping
from typing import Any

from msgspec import Struct

from dragoman.config import Config, GatewayConfig, ProviderConfig
from tests.support.server import Exchange, ReceivedRequest

TEXT = "Привет"
EVENTS, JSON = {"content-type": "text/event-stream"}, {"content-type": "application/json"}
PROJECT = "/v1/projects/p-1/locations/europe-west1"
VERTEX_VERSION = "vertex-2023-10-16"
FIRST, NEWEST = "2023-06-01", "2026-10-21"
"""Versions of the Messages API; the newest client for Vertex AI says it in the body alone."""


class Cloud(Struct, frozen=True):
    """One service: an entry of its class, and its own path, key and form."""

    type: str
    protocol: str
    base: str
    """What follows the host in `url`."""
    whole: str
    """The path of a question whose answer is not streamed."""
    stream: str
    count: str
    """The path at which tokens are counted; empty if there is none."""
    key: tuple[str, str]
    """The header field with the key `sk-1`."""
    in_path: bool = False
    """Whether the model is in the path."""

    @property
    def model(self) -> str:
        return "claude-x@1" if self.protocol == "anthropic" else "m-1"

    def config(self, url: str, **more: Any) -> Config:
        entry = ProviderConfig(type=self.type, url=f"{url}{self.base}", api_key="sk-1", **more)
        return Config(gateway=GatewayConfig(port=0), providers={"up": entry})


def _openai(type_: str, protocol: str, path: str, base: str) -> Cloud:
    count = f"{base}/responses/input_tokens" if protocol == "openai-responses" else ""
    return Cloud(type_, protocol, base, f"{base}{path}", f"{base}{path}", count, ("authorization", "Bearer sk-1"))


def _messages(type_: str, base: str, key: tuple[str, str]) -> Cloud:
    path = f"{base}/v1/messages"
    return Cloud(type_, "anthropic", base, path, path, f"{path}/count_tokens", key)


def _gemini(base: str, key: tuple[str, str]) -> Cloud:
    model = f"{base}/publishers/google/models/m-1"
    stream = f"{model}:streamGenerateContent?alt=sse"
    return Cloud(
        "vertex", "gemini", base, f"{model}:generateContent", stream, f"{model}:countTokens", key, in_path=True
    )


BEARER = ("authorization", "Bearer sk-1")
CLAUDE = f"{PROJECT}/publishers/anthropic/models"
CLOUDS: dict[str, Cloud] = {
    "azure": _openai("azure", "openai-chat", "/chat/completions", "/openai/v1"),
    "azureresponses": _openai("azureresponses", "openai-responses", "/responses", "/openai/v1"),
    "azureanthropic": _messages("azureanthropic", "/anthropic", ("x-api-key", "sk-1")),
    "bedrock": _openai("bedrock", "openai-chat", "/chat/completions", "/v1"),
    "bedrockresponses": _openai("bedrockresponses", "openai-responses", "/responses", "/v1"),
    "bedrockanthropic": _messages("bedrockanthropic", "/anthropic", BEARER),
    "vertex": _gemini(PROJECT, BEARER),
    "vertex-express": _gemini("/v1", ("x-goog-api-key", "sk-1")),
    "vertexanthropic": Cloud(
        "vertexanthropic",
        "anthropic",
        PROJECT,
        f"{CLAUDE}/claude-x@1:rawPredict",
        f"{CLAUDE}/claude-x@1:streamRawPredict",
        f"{CLAUDE}/count-tokens:rawPredict",
        BEARER,
        in_path=True,
    ),
    "vertexopenai": _openai("vertexopenai", "openai-chat", "/chat/completions", f"{PROJECT}/endpoints/openapi"),
}

KEYS = ("authorization", "x-api-key", "api-key", "x-goog-api-key")


def _sse(*events: Mapping[str, Any]) -> bytes:
    return b"".join(
        (f"event: {event['type']}\n" if "type" in event else "").encode()
        + b"data: "
        + json.dumps(event, ensure_ascii=False).encode()
        + b"\n\n"
        for event in events
    )


CHAT = {"id": "c", "object": "chat.completion", "created": 1, "model": "m"}
CHAT_USAGE = {"prompt_tokens": 3, "completion_tokens": 4, "total_tokens": 7}
MESSAGE: dict[str, Any] = {"id": "msg_1", "type": "message", "role": "assistant", "model": "m", "stop_sequence": None}
RESPONSE: dict[str, Any] = {"id": "resp_1", "object": "response", "created_at": 1, "model": "m", "status": "completed"}
ITEM = {
    "id": "msg_1",
    "type": "message",
    "role": "assistant",
    "status": "completed",
    "content": [{"type": "output_text", "text": TEXT, "annotations": []}],
}
RESPONSE_USAGE = {"input_tokens": 3, "output_tokens": 4, "total_tokens": 7}
GEMINI = {
    "candidates": [{"content": {"role": "model", "parts": [{"text": TEXT}]}, "finishReason": "STOP"}],
    "usageMetadata": {"promptTokenCount": 3, "candidatesTokenCount": 4, "totalTokenCount": 7},
    "modelVersion": "m",
}
USAGE = {"input_tokens": 3, "output_tokens": 4}

WHOLE: dict[str, dict[str, Any]] = {
    "openai-chat": CHAT
    | {
        "choices": [{"index": 0, "message": {"role": "assistant", "content": TEXT}, "finish_reason": "stop"}],
        "usage": CHAT_USAGE,
    },
    "openai-responses": RESPONSE | {"output": [ITEM], "usage": RESPONSE_USAGE},
    "anthropic": MESSAGE | {"content": [{"type": "text", "text": TEXT}], "stop_reason": "end_turn", "usage": USAGE},
    "gemini": GEMINI,
}
STREAM: dict[str, bytes] = {
    "openai-chat": _sse(
        CHAT | {"choices": [{"index": 0, "delta": {"role": "assistant", "content": TEXT}, "finish_reason": None}]},
        CHAT | {"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]},
        CHAT | {"choices": [], "usage": CHAT_USAGE},
    )
    + b"data: [DONE]\n\n",
    "openai-responses": _sse(
        {
            "type": "response.created",
            "sequence_number": 0,
            "response": RESPONSE | {"status": "in_progress", "output": []},
        },
        {"type": "response.output_item.added", "sequence_number": 1, "output_index": 0, "item": ITEM | {"content": []}},
        {
            "type": "response.output_text.delta",
            "sequence_number": 2,
            "item_id": "msg_1",
            "output_index": 0,
            "content_index": 0,
            "delta": TEXT,
        },
        {"type": "response.output_item.done", "sequence_number": 3, "output_index": 0, "item": ITEM},
        {
            "type": "response.completed",
            "sequence_number": 4,
            "response": RESPONSE | {"output": [ITEM], "usage": RESPONSE_USAGE},
        },
    ),
    "anthropic": _sse(
        {"type": "message_start", "message": MESSAGE | {"content": [], "stop_reason": None, "usage": USAGE}},
        {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
        {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": TEXT}},
        {"type": "content_block_stop", "index": 0},
        {"type": "message_delta", "delta": {"stop_reason": "end_turn", "stop_sequence": None}, "usage": USAGE},
        {"type": "message_stop"},
    ),
    "gemini": _sse(GEMINI),
}
COUNTS: dict[str, dict[str, Any]] = {
    "anthropic": {"input_tokens": 11},
    "gemini": {"totalTokens": 11},
    "openai-responses": {"object": "response.input_tokens", "input_tokens": 11},
}
MESSAGES = {"role": "user", "content": "hi"}


def wrong(cloud: Cloud, request: ReceivedRequest) -> str:
    """What a strict service would refuse of a request; empty if nothing."""
    keys = {name: request.headers[name] for name in KEYS if name in request.headers}
    if cloud.key not in keys.items() or any("sk-1" not in value for value in keys.values()):
        return f"keys: {keys}"
    if set(keys) - {cloud.key[0], "api-key"}:
        return f"keys: {sorted(keys)}"
    body = json.loads(request.body)
    if request.path in {cloud.count} and cloud.count:
        return _wrong_count(cloud, body)
    streamed = cloud.protocol != "gemini" and body.get("stream") is True
    if cloud.protocol == "gemini":
        if request.path not in {cloud.whole, cloud.stream}:
            return f"path: {request.path}"
        if any("role" not in content for content in body["contents"]):
            return "Please use a valid role: user, model."
    elif request.path != (cloud.stream if streamed else cloud.whole):
        return f"path: {request.path}"
    if ("model" in body) is cloud.in_path:
        return f"model: {body.get('model')}"
    if not cloud.in_path and body["model"] != cloud.model:
        return f"model: {body['model']}"
    return _wrong_version(cloud, request, body)


def _wrong_version(cloud: Cloud, request: ReceivedRequest, body: Mapping[str, Any]) -> str:
    if cloud.protocol != "anthropic":
        return ""
    version = request.headers.get("anthropic-version", NEWEST if cloud.in_path else "")
    if version not in {FIRST, NEWEST}:
        return f"anthropic-version: {version}"
    wanted = None if not cloud.in_path else VERTEX_VERSION if version == FIRST else version
    said = body.get("anthropic_version")
    return "" if said == wanted else f"anthropic_version: expected {wanted}, got {said}"


def _wrong_count(cloud: Cloud, body: Mapping[str, Any]) -> str:
    if cloud.protocol == "gemini":
        known = {"contents", "systemInstruction", "tools", "generationConfig"}
        return "" if "contents" in body and not set(body) - known else f"fields: {sorted(body)}"
    refused = {"stream", "max_tokens"} & set(body)
    return "" if body.get("model") == cloud.model and not refused else f"fields: {sorted(body)}"


class Fake:
    """Answers as `cloud` does, and remembers what it refused."""

    def __init__(self, cloud: Cloud) -> None:
        self.cloud = cloud
        self.refused: list[str] = []

    async def __call__(self, exchange: Exchange) -> None:
        request, protocol = exchange.request, self.cloud.protocol
        if found := wrong(self.cloud, request):
            self.refused.append(found)
            await exchange.reply(400, JSON, json.dumps({"error": {"message": found}}).encode())
        elif request.path == self.cloud.count:
            await exchange.reply(200, JSON, json.dumps(COUNTS[protocol]).encode())
        elif b'"stream":true' in request.body.replace(b" ", b"") or "stream" in request.path:
            await exchange.reply(200, EVENTS, STREAM[protocol])
        else:
            await exchange.reply(200, JSON, json.dumps(WHOLE[protocol]).encode())
