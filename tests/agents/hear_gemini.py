"""A stream of Gemini as Gemini CLI, opencode and pi read it."""

from tests.agents.hearing import Heard, events
from tests.matrix.scenes import Json


def hear(body: bytes, *, names: bool, thoughts: bool) -> Heard:
    """Raises AssertionError for what breaks Gemini CLI's reader, or would look to it like half an answer.

    `names`: calls get an id of the agent's own; `thoughts`: they go back.
    """
    assert not any(line.startswith(b":") for line in body.splitlines()), "a comment breaks the reader"
    heard = Heard()
    parts: list[Json] = []
    for name, chunk in events(body):
        assert name is None
        assert "error" not in chunk, chunk
        heard.usage |= chunk.get("usageMetadata", {})
        for candidate in chunk.get("candidates", ()):
            heard.finish = candidate.get("finishReason") or heard.finish
            parts += candidate.get("content", {}).get("parts", ())
    assert heard.finish, "an end without it looks like a whole answer"
    turn = []
    for part in parts:
        if call := part.get("functionCall"):
            id_ = f"{call['name']}_1795649185062_{len(heard.calls)}"
            own = {"id": id_, "args": call["args"], "name": call["name"]}
            heard.calls.append((call["name"], call["args"]))
            heard.ids.append(id_)
            turn.append(part | {"functionCall": own if names else {k: own[k] for k in ("name", "args")}})
        elif part.get("thought"):
            heard.thoughts += part["text"]
            turn += [part] if thoughts else []
        elif part.get("text"):
            heard.text += part["text"]
            turn.append(part)
    heard.turn = [{"parts": turn, "role": "model"}]
    return heard
