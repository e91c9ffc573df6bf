"""A stream of Chat Completions as opencode, pi and aider read it."""

import json

from tests.agents.hearing import Heard, events
from tests.matrix.scenes import Json


def hear(body: bytes, *, empty: str | None) -> Heard:
    """Raises AssertionError for what makes opencode ask for ever or give up.

    `empty`: the content of a turn that has calls alone, "" for opencode and None for pi.
    """
    heard = Heard()
    calls: dict[int, Json] = {}
    found = events(body)
    assert found.pop()[1] == "[DONE]"
    for name, chunk in found:
        assert name is None
        heard.usage = chunk.get("usage") or heard.usage
        for choice in chunk["choices"]:
            assert not heard.finish, "nothing follows the reason to stop"
            delta = choice["delta"]
            heard.text += delta.get("content") or ""
            heard.thoughts += delta.get("reasoning_content") or delta.get("reasoning") or ""
            heard.finish = choice.get("finish_reason") or ""
            for piece in delta.get("tool_calls") or ():
                _grow(calls, piece)
    assert heard.finish, "opencode asks on for ever without it"
    heard.calls = [(call["function"]["name"], json.loads(call["function"]["arguments"])) for call in calls.values()]
    heard.ids = [call["id"] for call in calls.values()]
    turn: Json = {"role": "assistant", "content": heard.text or empty}
    turn |= {"reasoning_content": heard.thoughts} if heard.thoughts else {}
    turn |= {"tool_calls": list(calls.values())} if calls else {}
    heard.turn = [turn]
    return heard


def _grow(calls: dict[int, Json], piece: Json) -> None:
    index = piece["index"]
    assert isinstance(index, int)
    if index not in calls:
        assert isinstance(piece["id"], str), "opencode expects a text"
        function = piece["function"]
        calls[index] = {
            "id": piece["id"],
            "type": "function",
            "function": {"name": function["name"], "arguments": function.get("arguments") or ""},
        }
    else:
        calls[index]["function"]["arguments"] += piece["function"].get("arguments") or ""
