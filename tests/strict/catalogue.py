"""What services with OpenAI's chat protocol refuse, each beside what most of them do."""

from collections.abc import Iterator

import msgspec

from tests.strict.openai_chat import SHARED
from tests.strict.rules import Json, Rule


def _calls(body: Json) -> Iterator[tuple[str, Json]]:
    for i, message in enumerate(body["messages"]):
        yield from ((f"messages[{i}]", call) for call in message.get("tool_calls") or ())


def _reasoning(body: Json) -> Iterator[str]:
    for i, message in enumerate(body["messages"]):
        if message.get("tool_calls") and not message.get("reasoning_content"):
            yield f"messages[{i}]"


def _everywhere(body: Json) -> Iterator[str]:
    for i, message in enumerate(body["messages"]):
        if message["role"] == "assistant" and "reasoning_content" not in message:
            yield f"messages[{i}]"


def _arguments(body: Json) -> Iterator[str]:
    for place, call in _calls(body):
        try:
            msgspec.json.decode(call["function"]["arguments"], type=dict)
        except msgspec.MsgspecError:
            yield place


def _fields(body: Json) -> Iterator[str]:
    for i, message in enumerate(body["messages"]):
        content = message.get("content")
        for part in content if isinstance(content, list) else ():
            if part.keys() - {"type", "text", "image_url"}:
                yield f"messages[{i}]: {sorted(part)}"


def _sampled(body: Json) -> Iterator[str]:
    yield from ({"temperature", "top_p"} & body.keys())


KNOWN = Rule("parts have known fields alone", "eigent-ai/eigent#1827", _fields)
PARSED = Rule("arguments are JSON", "vllm-project/vllm#43995, ggml-org/llama.cpp#25510", _arguments)
COMMON = (*SHARED, KNOWN, PARSED)
KIMI = (
    *COMMON,
    Rule("what was thought before a call is there", "theopenco/llmgateway#2093", _reasoning),
    Rule("no temperature", "iOfficeAI/gemini-cli-pro#30", _sampled),
)
DEEPSEEK = (*COMMON, Rule("reasoning is in each message", "Astro-Han/pawwork#261", _everywhere))
