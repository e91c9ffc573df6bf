"""A stream of Responses as Codex, opencode and pi read it: items come from `output_item.done` alone."""

import json

from tests.agents.hearing import Heard, events
from tests.matrix.scenes import Json


def hear(body: bytes, *, ids: bool = True) -> Heard:
    """Raises AssertionError for what Codex drops in silence or repeats. Without `ids`, as opencode sends items back."""
    heard = Heard()
    found = events(body)
    items = [event["item"] for _, event in found if event["type"] == "response.output_item.done"]
    name, last = found[-1]
    assert name == last["type"] == "response.completed", last
    response = last["response"]
    assert isinstance(response["id"], str)
    heard.finish = response["status"]
    heard.usage = response["usage"]
    for item in items:
        _item(item, heard)
        sent = {field: value for field, value in item.items() if ids or field not in {"id", "status"}}
        heard.turn.append(sent | ({"content": None} if ids and item["type"] == "reasoning" else {}))
    return heard


def _item(item: Json, heard: Heard) -> None:
    match item["type"]:
        case "message":
            heard.text += "".join(part["text"] for part in item["content"])
        case "reasoning":
            heard.thoughts += "".join(part["text"] for part in item["summary"])
        case "function_call":
            heard.calls.append((item["name"], json.loads(item["arguments"])))
            heard.ids.append(item["call_id"])
        case "custom_tool_call":
            heard.calls.append((item["name"], item["input"]))
            heard.ids.append(item["call_id"])
        case kind:
            raise AssertionError(f"no item that was asked for: {kind}")
