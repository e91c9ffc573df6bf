"""Services with embeddings, and what they are asked."""

import json
from typing import Any

JSON = {"content-type": "application/json"}


EMBEDDING: dict[str, tuple[str, Any]] = {
    "openai-chat": ("/v1", lambda count: {"data": [{"index": i, "embedding": [i, 0.5]} for i in range(count)]}),
    "gemini": ("", lambda count: {"embeddings": [{"values": [i, 0.5]} for i in range(count)]}),
    "ollama": ("", lambda count: {"embeddings": [[i, 0.5] for i in range(count)], "prompt_eval_count": 4}),
}
"""Where each service is, and its reply for so many texts."""


def texts_in(body: bytes) -> list[str]:
    said = json.loads(body)
    if "requests" in said:
        return ["".join(part["text"] for part in each["content"]["parts"]) for each in said["requests"]]
    found: list[str] = said["input"]
    return found
