"""What Ollama refuses: little, since templates of models decide."""

from collections.abc import Iterator

from tests.strict.rules import Json, Rule

ROLES = {"system", "user", "assistant", "tool"}


def _types(body: Json) -> Iterator[str]:
    for i, message in enumerate(body["messages"]):
        if message["role"] not in ROLES:
            yield f"messages[{i}].role"
        if not isinstance(message.get("content", ""), str):
            yield f"messages[{i}].content"
        for call in message.get("tool_calls") or ():
            if not isinstance(call["function"]["arguments"], dict):
                yield f"messages[{i}].tool_calls"


RULES = (Rule("fields have their types", "https://github.com/ollama/ollama/blob/main/docs/api.md", _types),)
