"""OpenAI's Responses, as its services speak it."""

import json
from typing import Any

from tests.matrix.exchange import MESSAGE, Reply, Seen, Service, dumped, failed, halves, sse, streamed, whole
from tests.matrix.scenes import Answer, Call, Json, Refuse, Say, Think
from tests.support.server import ReceivedRequest

STATUS = {
    "done": ("completed", None),
    "tool": ("completed", None),
    "stop_sequence": ("completed", None),
    "length": ("incomplete", "max_output_tokens"),
    "refusal": ("completed", None),
    "filter": ("incomplete", "content_filter"),
}
ERRORS = {
    "401": (401, "invalid_request_error", "invalid_api_key"),
    "429": (429, "requests", "rate_limit_exceeded"),
    "500": (500, "server_error", None),
    "overloaded": (503, "server_error", "overloaded"),
}
FAILURE = {"code": "server_error", "message": MESSAGE}


def read(request: ReceivedRequest) -> Seen:
    """Raises AssertionError for what the service would refuse."""
    assert request.path == "/v1/responses", request.path
    assert request.headers["authorization"] == "Bearer key-of-service"
    body = json.loads(request.body)
    items = body["input"] if isinstance(body["input"], list) else [{"role": "user", "content": body["input"]}]
    texts, images, files, results, pictures, papers, thoughts, proofs = [], [], [], [], [], [], [], []
    calls: list[tuple[str, Json | str]] = []
    open_calls: set[str] = set()
    for item in items:
        match item.get("type", "message"):
            case "message":
                assert not open_calls, "calls without their results"
                content = item["content"]
                kind = "output_text" if item["role"] == "assistant" else "input_text"
                parts = [{"type": kind, "text": content}] if isinstance(content, str) else content
                assert all(part["type"] in {kind, "refusal", "input_image", "input_file"} for part in parts), parts
                texts += [part["text"] for part in parts if part["type"] == "input_text" and item["role"] == "user"]
                images += [_data(part["image_url"], "image/png") for part in parts if part["type"] == "input_image"]
                files += [_data(part["file_data"], "application/pdf") for part in parts if part["type"] == "input_file"]
            case "reasoning":
                assert "summary" in item, "reasoning has a summary, if an empty one"
                thoughts += [part["text"] for part in [*item["summary"], *(item.get("content") or [])]]
                proofs.append(item.get("encrypted_content") or "")
            case "function_call":
                open_calls.add(item["call_id"])
                calls.append((item["name"], json.loads(item["arguments"])))
            case "custom_tool_call":
                open_calls.add(item["call_id"])
                calls.append((item["name"], item["input"]))
            case "function_call_output" | "custom_tool_call_output":
                open_calls.remove(item["call_id"])
                output = item["output"]
                output = [{"type": "input_text", "text": output}] if isinstance(output, str) else output
                results.append("".join(part["text"] for part in output if part["type"] == "input_text"))
                pictures += [_data(part["image_url"], "image/png") for part in output if part["type"] == "input_image"]
                papers += [
                    _data(part["file_data"], "application/pdf") for part in output if part["type"] == "input_file"
                ]
            case kind:
                raise AssertionError(f"no item of requests: {kind}")
    assert not open_calls, "calls without their results"
    assert {"stop", "seed", "n", "top_k"}.isdisjoint(body), "fields that the service does not have"
    tools = body.get("tools", [])
    assert all({"parameters", "strict"} <= tool.keys() for tool in tools if tool["type"] == "function"), tools
    form = body.get("text", {}).get("format", {"type": "text"})
    assert form["type"] != "json_schema" or form["name"], "a schema has a name"
    return Seen(
        body["model"],
        body.get("stream") or False,
        text=texts[0],
        images=tuple(images),
        files=tuple(files),
        tools=tuple(tool["name"] for tool in tools if tool["type"] == "function"),
        freeform=tuple(tool["name"] for tool in tools if tool["type"] == "custom"),
        schema=form.get("schema"),
        think=bool(body.get("reasoning")),
        thoughts="".join(thoughts),
        proof="".join(proofs),
        calls=tuple(calls),
        results=tuple(results),
        result_images=tuple(pictures),
        result_files=tuple(papers),
    )


def _data(url: str, media_type: str) -> str:
    head, _, data = url.partition(",")
    assert head == f"data:{media_type};base64", head
    return data


def write(answer: Answer, seen: Seen) -> Reply:
    """The reply of the service."""
    if known := ERRORS.get(answer.failure or ""):
        status, kind, code = known
        return failed(status, {"error": {"message": MESSAGE, "type": kind, "param": None, "code": code}}, answer)
    items = [_item(part, i, seen) for i, part in enumerate(answer.parts)]
    if all(isinstance(part, Say) for part in answer.parts):  # one message, in as many pieces
        items = [_message("".join(part.text for part in answer.parts if isinstance(part, Say)), answer.source)]
    state, reason = STATUS[answer.finish]
    done = _response(state, items) | {
        "incomplete_details": {"reason": reason} if reason else None,
        "usage": _usage(answer),
    }
    error = _response("failed", []) | {"error": FAILURE, "usage": None}
    if not seen.stream:
        return whole(answer, done, error)
    begun = _response("in_progress", [])
    events: list[Json] = [
        {"type": "response.created", "response": begun},
        {"type": "response.in_progress", "response": begun},
    ]
    for index, item in enumerate(items):
        events += [{"output_index": index} | event for event in _events(item)]
    events.append({"type": f"response.{state}", "response": done})
    numbered = [event | {"sequence_number": number} for number, event in enumerate(events)]
    failure = {"type": "response.failed", "response": error, "sequence_number": len(events)}
    return streamed(answer, [sse(event, event["type"]) for event in numbered], sse(failure, "response.failed"))


def _response(status: str, output: list[Json]) -> Json:
    return {
        "id": "resp_1",
        "object": "response",
        "created_at": 1_795_230_435,
        "status": status,
        "model": "m",
        "output": output,
        "error": None,
        "incomplete_details": None,
        "instructions": None,
        "metadata": {},
        "parallel_tool_calls": True,
        "temperature": 1.0,
        "tool_choice": "auto",
        "tools": [],
        "top_p": 1.0,
        "usage": None,
    }


def _message(text: str, source: str) -> Json:
    cited = {"type": "url_citation", "url": source, "title": "W", "start_index": 0, "end_index": 5}
    part = {"type": "output_text", "text": text, "annotations": [cited] if source else [], "logprobs": []}
    return {"type": "message", "id": "msg_1", "status": "completed", "role": "assistant", "content": [part]}


def _item(part: Think | Say | Refuse | Call, index: int, seen: Seen) -> Json:
    match part:
        case Think(text=text, proof=proof):
            summary = [{"type": "summary_text", "text": text}]
            return {"type": "reasoning", "id": f"rs_{index}", "summary": summary, "encrypted_content": proof}
        case Say(text=text, source=source):
            return _message(text, source)
        case Refuse(text=text):
            refused = {"type": "refusal", "refusal": text}
            return {"type": "message", "id": "msg_1", "status": "completed", "role": "assistant", "content": [refused]}
        case Call(id=id_, name=name) if name in seen.freeform:
            return {
                "type": "custom_tool_call",
                "id": f"ctc_{index}",
                "status": "completed",
                "call_id": id_,
                "name": name,
                "input": part.input,
            }
        case Call(id=id_, name=name):
            return {
                "type": "function_call",
                "id": f"fc_{index}",
                "status": "completed",
                "call_id": id_,
                "name": name,
                "arguments": dumped(part.arguments or {"input": part.input}),
            }


def _events(item: Json) -> list[Json]:
    at = {"item_id": item["id"]}
    added: dict[str, Any] = {"type": "response.output_item.added"}
    done = {"type": "response.output_item.done", "item": item}
    match item["type"]:
        case "message":
            part = item["content"][0]
            name = "refusal" if part["type"] == "refusal" else "text"
            kind = "refusal" if name == "refusal" else "output_text"
            at |= {"content_index": 0}
            empty = part | {name: ""} | ({"annotations": []} if name == "text" else {})
            logged: Json = {"logprobs": []} if name == "text" else {}
            return [
                added | {"item": item | {"status": "in_progress", "content": []}},
                {"type": "response.content_part.added", "part": empty} | at,
                *({"type": f"response.{kind}.delta", "delta": half} | at | logged for half in halves(part[name])),
                *(
                    {"type": "response.output_text.annotation.added", "annotation_index": 0, "annotation": cited} | at
                    for cited in part.get("annotations", [])
                ),
                {"type": f"response.{kind}.done", name: part[name]} | at | logged,
                {"type": "response.content_part.done", "part": part} | at,
                done,
            ]
        case "reasoning":
            part = item["summary"][0]
            at |= {"summary_index": 0}
            kind = "response.reasoning_summary"
            return [
                added | {"item": item | {"summary": []}},
                {"type": f"{kind}_part.added", "part": part | {"text": ""}} | at,
                *({"type": f"{kind}_text.delta", "delta": half} | at for half in halves(part["text"])),
                {"type": f"{kind}_text.done", "text": part["text"]} | at,
                {"type": f"{kind}_part.done", "part": part} | at,
                done,
            ]
        case kind:
            name, event = (
                ("arguments", "function_call_arguments")
                if kind == "function_call"
                else ("input", "custom_tool_call_input")
            )
            return [
                added | {"item": item | {"status": "in_progress", name: ""}},
                *({"type": f"response.{event}.delta", "delta": half} | at for half in halves(item[name])),
                {"type": f"response.{event}.done", name: item[name]} | at,
                done,
            ]


def _usage(answer: Answer) -> Json:
    tokens = answer.usage
    return {
        "input_tokens": tokens.input,
        "input_tokens_details": {"cached_tokens": tokens.cached, "cache_write_tokens": 0},
        "output_tokens": tokens.output,
        "output_tokens_details": {"reasoning_tokens": tokens.reasoning},
        "total_tokens": tokens.input + tokens.output,
    }


SERVICE = Service("/v1", read, write)
