"""A stream of Messages as Claude Code, pi and opencode read it: with no more than what they need, and all of it."""

import json

from tests.agents.hearing import Heard, events
from tests.matrix.scenes import Json

GROWS = {
    "text_delta": "text",
    "thinking_delta": "thinking",
    "signature_delta": "signature",
    "input_json_delta": "partial_json",
}


def hear(body: bytes) -> Heard:
    """Raises AssertionError for what one of the agents would count as a broken answer."""
    heard = Heard()
    blocks: dict[int, Json] = {}
    stopped: set[int] = set()
    last = ""
    for name, event in events(body):
        assert name == event["type"], "each event has its line"
        last = event["type"]
        match last:
            case "message_start":
                heard.usage |= event["message"]["usage"]
                assert isinstance(heard.usage["input_tokens"], int), "pi reads it at once"
            case "content_block_start":
                assert event["index"] == len(blocks)
                blocks[event["index"]] = dict(event["content_block"])
            case "content_block_delta":
                assert event["index"] not in stopped
                _grow(blocks[event["index"]], event["delta"])
            case "content_block_stop":
                stopped.add(event["index"])
            case "message_delta":
                heard.finish = event["delta"]["stop_reason"]
                heard.usage |= {name: value for name, value in event["usage"].items() if value is not None}
    assert last == "message_stop"
    assert stopped == set(blocks), "each block has its end"
    assert heard.finish, "why it ended"
    turn = [_turn(block, heard) for block in blocks.values()]
    heard.turn = [{"role": "assistant", "content": turn}]
    return heard


def _grow(block: Json, delta: Json) -> None:
    field = GROWS[delta["type"]]
    block[field] = block.get(field, "") + delta[field]


def _turn(block: Json, heard: Heard) -> Json:
    match block["type"]:
        case "text":
            heard.text += block["text"]
        case "thinking":
            heard.thoughts += block["thinking"]
            assert "signature" in block, "thinking goes back with its signature"
        case "tool_use":
            block = dict(block)
            block["input"] = json.loads(block.pop("partial_json", "") or "{}")
            heard.calls.append((block["name"], block["input"]))
            heard.ids.append(block["id"])
    return block
