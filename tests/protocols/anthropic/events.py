"""The order in which a caller of this protocol wants its events: a machine of our own, and a plain reading of them."""

import json
from typing import Any

from msgspec import Struct

FIELDS = {"text_delta": "text", "thinking_delta": "thinking", "signature_delta": "signature"}
"""Kinds of deltas whose text grows a field of the block."""


class Told(Struct):
    """What a caller has understood of a stream."""

    message: dict[str, Any]
    blocks: list[dict[str, Any]]
    end: dict[str, Any]


def parsed(body: bytes) -> list[dict[str, Any]]:
    """The events, each of which names its type twice."""
    found: list[dict[str, Any]] = []
    for raw in body.split(b"\n\n")[:-1]:
        name, data = raw.split(b"\n")
        value = json.loads(data.removeprefix(b"data: "))
        assert name == f"event: {value['type']}".encode()
        found.append(value)
    return found


def understood(body: bytes) -> Told:
    """The message of a complete stream. Raises AssertionError if an event may not come where it came."""
    events = [event for event in parsed(body) if event["type"] != "ping"]
    start, *middle, delta, stop = events
    assert start["type"] == "message_start"
    assert start["message"]["content"] == []
    assert {"input_tokens", "output_tokens"} <= start["message"]["usage"].keys()
    assert (delta["type"], stop) == ("message_delta", {"type": "message_stop"})
    assert delta["delta"]["stop_reason"]
    assert "output_tokens" in delta["usage"]
    blocks: list[dict[str, Any]] = []
    open_ = False
    for event in middle:
        if event["type"] == "content_block_start":
            assert not open_
            assert event["index"] == len(blocks)
            blocks.append(dict(event["content_block"]))
            pieces: list[str] = []
            open_ = True
            continue
        assert open_
        assert event["index"] == len(blocks) - 1
        block = blocks[-1]
        if event["type"] == "content_block_delta":
            said = event["delta"]
            if said["type"] == "input_json_delta":
                pieces.append(said["partial_json"])
            elif said["type"] == "citations_delta":
                block.setdefault("citations", []).append(said["citation"])
            else:
                block[FIELDS[said["type"]]] += said[FIELDS[said["type"]]]
        else:
            assert event["type"] == "content_block_stop"
            open_ = False
            if pieces:
                block["input"] = json.loads("".join(pieces))
    assert not open_
    return Told(start["message"], blocks, delta)
