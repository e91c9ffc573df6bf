"""Google's Gemini API, as its services speak it."""

import json
from typing import Any
from urllib.parse import urlsplit

from tests.matrix.exchange import MESSAGE, Reply, Seen, Service, failed, halves, sse, streamed, whole
from tests.matrix.scenes import Answer, Call, Json, Refuse, Say, Think
from tests.support.server import ReceivedRequest

REASONS = {"done": "STOP", "tool": "STOP", "length": "MAX_TOKENS", "stop_sequence": "STOP", "filter": "SAFETY"}
ERRORS = {
    "401": (401, "UNAUTHENTICATED"),
    "429": (429, "RESOURCE_EXHAUSTED"),
    "500": (500, "INTERNAL"),
    "overloaded": (503, "UNAVAILABLE"),
}
IN_BAND: Json = {"error": {"code": 500, "message": MESSAGE, "status": "INTERNAL"}}


def read(request: ReceivedRequest) -> Seen:
    """Raises AssertionError for what the service would refuse."""
    url = urlsplit(request.path)
    place, _, method = url.path.rpartition(":")
    version, _, model = place.partition("/models/")
    assert version in {"/v1", "/v1beta"}, request.path
    assert method in {"generateContent", "streamGenerateContent"}, method
    assert method == "generateContent" or url.query == "alt=sse", url.query
    assert request.headers["x-goog-api-key"] == "key-of-service"
    body = json.loads(request.body)
    assert "model" not in body, "the model stands in the path"
    images: list[str] = []
    files: list[str] = []
    pictures: list[str] = []
    papers: list[str] = []
    texts, results, thoughts, proofs = [], [], [], []
    calls: list[tuple[str, Json | str]] = []
    pending: list[str] = []
    for content in body["contents"]:
        assert content.get("role") in {"user", "model"}, content
        assert content["parts"], "an empty turn"
        answered = [part["functionResponse"]["name"] for part in content["parts"] if "functionResponse" in part]
        assert answered == pending or content["role"] == "model", "results belong right after their calls"
        pending = [] if content["role"] == "user" else pending
        for part in content["parts"]:
            if state := _get(part, "thoughtSignature"):
                proofs.append(state)
            if call := part.get("functionCall"):
                pending.append(call["name"])
                calls.append((call["name"], call["args"]))
            elif response := part.get("functionResponse"):
                assert isinstance(response["response"], dict)
                results.append(str(next(iter(response["response"].values()), "")))
                for inner in response.get("parts", []):
                    kind = _get(_get(inner, "inlineData"), "mimeType")
                    (pictures if kind.startswith("image/") else papers).append(_data(inner, kind))
            elif data := _get(part, "inlineData"):
                kind = _get(data, "mimeType")
                (images if kind.startswith("image/") else files).append(_data(part, kind))
            elif part.get("thought"):
                thoughts.append(part["text"])
            elif content["role"] == "user":
                texts.append(part["text"])
    assert not pending, "calls without their results"
    config = _get(body, "generationConfig") or {}
    form = _get(config, "responseJsonSchema") or _get(config, "responseSchema")
    assert not form or _get(config, "responseMimeType") == "application/json", "a schema needs its media type"
    declared = [tool for group in body.get("tools", []) for tool in _get(group, "functionDeclarations") or ()]
    return Seen(
        model,
        method == "streamGenerateContent",
        text=texts[0],
        images=tuple(images),
        files=tuple(files),
        tools=tuple(tool["name"] for tool in declared),
        schema=form,
        stop=tuple(_get(config, "stopSequences") or ()),
        think=bool(_get(config, "thinkingConfig")),
        thoughts="".join(thoughts),
        proof="".join(proofs),
        calls=tuple(calls),
        results=tuple(results),
        result_images=tuple(pictures),
        result_files=tuple(papers),
    )


def _get(thing: Json, name: str) -> Any:
    """The field `name`, which the service takes in snake_case too."""
    snake = "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in name)
    return thing.get(name, thing.get(snake))


def _data(part: Json, media_type: str) -> str:
    data = _get(part, "inlineData")
    assert _get(data, "mimeType") == media_type, data
    return str(data["data"]).replace("-", "+").replace("_", "/")


def write(answer: Answer, seen: Seen) -> Reply:
    """The reply of the service."""
    if known := ERRORS.get(answer.failure or ""):
        status, word = known
        return failed(status, {"error": {"code": status, "message": MESSAGE, "status": word}}, answer)
    parts: list[Json] = []
    proof = ""
    for part in answer.parts:
        pieces = _pieces(part, stream=seen.stream)
        if proof:  # the signature stands on the part after the thought
            pieces[-1]["thoughtSignature"] = proof
        proof = part.proof if isinstance(part, Think) else ""
        parts += pieces
    end: Json = {"finishReason": REASONS[answer.finish]}
    if answer.source:
        web = {"web": {"uri": answer.source, "title": "W"}}
        support = {"segment": {"startIndex": 0, "endIndex": 5, "text": "It is"}, "groundingChunkIndices": [0]}
        end["groundingMetadata"] = {"groundingChunks": [web], "groundingSupports": [support]}
    if not seen.stream:
        return whole(answer, _chunk(parts, answer, end), IN_BAND)
    chunks = [_chunk([part], answer, {}) for part in parts[:-1]] + [_chunk(parts[-1:], answer, end)]
    return streamed(answer, [sse(chunk, end="\r\n") for chunk in chunks], sse(IN_BAND, end="\r\n"))


def _chunk(parts: list[Json], answer: Answer, end: Json) -> Json:
    candidate = {"content": {"parts": parts, "role": "model"}, "index": 0} | end
    return {"candidates": [candidate], "usageMetadata": _usage(answer), "modelVersion": "m", "responseId": "r1"}


def _pieces(part: Think | Say | Refuse | Call, *, stream: bool) -> list[Json]:
    match part:
        case Think(text=text):
            return [{"text": half, "thought": True} for half in (halves(text) if stream else (text,))]
        case Say(text=text) | Refuse(text=text):
            return [{"text": half} for half in (halves(text) if stream else (text,))]
        case Call(id=id_, name=name):
            return [{"functionCall": {"id": id_, "name": name, "args": part.arguments or {"input": part.input}}}]


def _usage(answer: Answer) -> Json:
    tokens = answer.usage
    return {
        "promptTokenCount": tokens.input,
        "candidatesTokenCount": tokens.output - tokens.reasoning,
        "totalTokenCount": tokens.input + tokens.output,
        **({"cachedContentTokenCount": tokens.cached} if tokens.cached else {}),
        **({"thoughtsTokenCount": tokens.reasoning} if tokens.reasoning else {}),
    }


SERVICE = Service("", read, write)
