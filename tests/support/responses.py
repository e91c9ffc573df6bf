"""The rules of a stream of Responses, as a state machine: shares nothing with the code under test.

created, in_progress
item:  output_item.added, its parts, output_item.done
part:  content_part.added, deltas, annotations, …done, content_part.done      (text, refusal, reasoning)
       reasoning_summary_part.added, deltas, …done, reasoning_summary_part.done
       deltas, …done                                                       (arguments, input)
completed or incomplete, with all items; or error and failed
"""

import json
from typing import Any

PARTS = {
    "output_text": ("response.output_text", "text"),
    "refusal": ("response.refusal", "refusal"),
    "reasoning_text": ("response.reasoning_text", "text"),
    "summary_text": ("response.reasoning_summary_text", "text"),
}
CALLS = {
    "function_call": ("response.function_call_arguments", "arguments"),
    "custom_tool_call": ("response.custom_tool_call_input", "input"),
}
REQUIRED: dict[str, type | tuple[type, ...]] = {
    "background": bool,
    "created_at": (int, float),
    "frequency_penalty": (int, float),
    "id": str,
    "metadata": dict,
    "model": str,
    "object": str,
    "output": list,
    "parallel_tool_calls": bool,
    "presence_penalty": (int, float),
    "reasoning": dict,
    "service_tier": str,
    "status": str,
    "store": bool,
    "temperature": (int, float),
    "text": dict,
    "tool_choice": (str, dict),
    "tools": list,
    "top_logprobs": int,
    "top_p": (int, float),
    "truncation": str,
}
"""Fields that an answer must have with a value."""
NULLABLE = ("error", "incomplete_details", "instructions", "max_output_tokens", "previous_response_id", "usage", "user")


def events_of(body: bytes) -> list[dict[str, Any]]:
    """The events of a stream; each is named as it names itself."""
    found: list[dict[str, Any]] = []
    for block in body.decode().split("\n\n"):
        lines = [line for line in block.split("\n") if line and not line.startswith(":")]
        if not lines:
            continue
        name, data = lines
        value = json.loads(data.removeprefix("data: "))
        assert name == f"event: {value['type']}"
        found.append(value)
    return found


def check_response(response: dict[str, Any]) -> None:
    """Whether an answer has the fields that the SDKs and Open Responses need."""
    for name, kind in REQUIRED.items():
        assert isinstance(response[name], kind), name
    for name in NULLABLE:
        assert name in response, name
    if response["usage"]:
        assert isinstance(response["usage"]["input_tokens_details"]["cached_tokens"], int)
        assert isinstance(response["usage"]["output_tokens_details"]["reasoning_tokens"], int)


class Stream:
    """Reads a stream, and raises AssertionError at the first event that may not come there."""

    def __init__(self, body: bytes, *, ours: bool = True) -> None:
        """`ours`: the answer was made by us, and so has all fields; a relayed one has the service's."""
        self._ours = ours
        self.events = [event for event in events_of(body) if event["type"] != "keepalive"]
        self.items: list[dict[str, Any]] = []
        self.response: dict[str, Any] = {}
        self._at = 0
        for number, event in enumerate(self.events):
            assert event["sequence_number"] == number
        self._read()

    def _next(self, kind: str, **said: Any) -> dict[str, Any]:
        event = self.events[self._at]
        assert event["type"] == kind, (self._at, event["type"], kind)
        for name, value in said.items():
            assert event[name] == value, (self._at, name)
        self._at += 1
        return event

    def _is(self, kind: str) -> bool:
        return bool(self.events[self._at]["type"] == kind)

    def _read(self) -> None:
        begun = self._next("response.created")["response"]
        assert (begun["status"], begun["output"]) == ("in_progress", [])
        if self._ours:
            check_response(begun)
        self._next("response.in_progress")
        while self._is("response.output_item.added"):
            self._item()
        if self._is("error"):
            failed = self.events[-1]
            assert self._at == len(self.events) - 2
            assert failed["type"] == "response.failed"
            assert (failed["response"]["status"], failed["response"]["id"]) == ("failed", begun["id"])
            return
        last = self.events[self._at]
        self.response = last["response"]
        assert last["type"] == f"response.{self.response['status']}"
        assert self._at == len(self.events) - 1
        if self._ours:
            check_response(self.response)
        assert self.response["output"] == self.items
        assert self.response["id"] == begun["id"]
        assert len({item["id"] for item in self.items}) == len(self.items)

    def _item(self) -> None:
        number = len(self.items)
        item = self._next("response.output_item.added", output_index=number)["item"]
        place = {"item_id": item["id"], "output_index": number}
        counts = {"content_index": 0, "summary_index": 0}
        said: dict[str, list[Any]] = {"content_index": [], "summary_index": []}
        if item["type"] in CALLS:
            kind, field = CALLS[item["type"]]
            text = self._pieces(kind, place)
            if not self._broken():
                assert self._next(f"{kind}.done", **place)[field] == text
        while self._is("response.content_part.added") or self._is("response.reasoning_summary_part.added"):
            event = self.events[self._at]
            counter = "summary_index" if "summary" in event["type"] else "content_index"
            where = place | {counter: counts[counter]}
            part = self._next(event["type"], **where)["part"]
            kind, field = PARTS[part["type"]]
            assert part[field] == ""
            text = self._pieces(kind, where)
            if self._broken():
                return
            assert self._next(f"{kind}.done", **where)[field] == text
            done = self._next(event["type"].replace(".added", ".done"), **where)["part"]
            assert done[field] == text
            said[counter].append(done)
            counts[counter] += 1
        if self._broken():
            return
        done = self._next("response.output_item.done", output_index=number)["item"]
        assert (done["id"], done["type"]) == (item["id"], item["type"])
        if item["type"] == "message":
            assert done["content"] == said["content_index"]
        self.items.append(done)

    def _broken(self) -> bool:
        return self._is("error")

    def _pieces(self, kind: str, where: dict[str, Any]) -> str:
        texts: list[str] = []
        while self._is(f"{kind}.delta") or self._is("response.output_text.annotation.added"):
            event = self._next(self.events[self._at]["type"], **where)
            texts.append(event.get("delta", ""))
        return "".join(texts)
