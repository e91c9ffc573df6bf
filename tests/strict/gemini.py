"""What Gemini refuses."""

import re
from collections.abc import Iterator
from itertools import pairwise

from tests.strict.rules import Json, Rule

NAME = re.compile(r"[a-zA-Z_][a-zA-Z0-9_.:-]{0,127}")
KINDS = {"text", "functionCall", "functionResponse", "inlineData", "fileData"}


def _calls(content: Json) -> list[Json]:
    return [part["functionCall"] for part in content["parts"] if "functionCall" in part]


def _responses(content: Json) -> list[Json]:
    return [part["functionResponse"] for part in content["parts"] if "functionResponse" in part]


def _counted(body: Json) -> Iterator[str]:
    for i, (content, after) in enumerate(pairwise([*body["contents"], {"role": "end", "parts": []}])):
        if (count := len(_calls(content))) and count != len(_responses(after)):
            yield f"contents[{i}]"


def _called(body: Json) -> Iterator[str]:
    for i, (before, content) in enumerate(pairwise([{"parts": []}, *body["contents"]])):
        names = [call["name"] for call in _calls(before)]
        yield from (f"contents[{i}]" for given in _responses(content) if given["name"] not in names)


def _placed(body: Json) -> Iterator[str]:
    for i, (before, content) in enumerate(pairwise([{"role": "start"}, *body["contents"]])):
        if _calls(content) and before["role"] != "user":
            yield f"contents[{i}]"


def _parts(body: Json) -> Iterator[str]:
    for i, content in enumerate(body["contents"]):
        if content.get("role") not in {"user", "model"}:
            yield f"contents[{i}].role"
        if not content["parts"]:
            yield f"contents[{i}].parts"
        for part in content["parts"]:
            if len(KINDS & part.keys()) != 1 or part.get("text") == "":
                yield f"contents[{i}]: {part}"


def _signed(body: Json) -> Iterator[str]:
    contents = body["contents"]
    spoken = [i for i, one in enumerate(contents) if one["role"] == "user" and len(_responses(one)) < len(one["parts"])]
    for i, content in enumerate(contents[max(spoken, default=0) :]):
        first = next((part for part in content["parts"] if "functionCall" in part), None)
        if first is not None and not first.get("thoughtSignature"):
            yield f"step {i} of the current turn"


def _names(body: Json) -> Iterator[str]:
    said = [part["name"] for one in body["contents"] for part in (*_calls(one), *_responses(one))]
    said += [tool["name"] for group in body.get("tools", ()) for tool in group.get("functionDeclarations", ())]
    yield from (name for name in said if not NAME.fullmatch(name))


def _objects(body: Json) -> Iterator[str]:
    for i, content in enumerate(body["contents"]):
        yield from (f"contents[{i}]" for given in _responses(content) if not isinstance(given["response"], dict))


RULES = (
    Rule("as many responses as calls", "google-gemini/gemini-cli#4217", _counted),
    Rule("a response has its call", "google-gemini/gemini-cli#16543", _called),
    Rule("calls come after the user or responses", "google-gemini/gemini-cli#26486", _placed),
    Rule("parts hold one thing", "https://ai.google.dev/api/caching#Part", _parts),
    Rule("calls are signed", "https://ai.google.dev/gemini-api/docs/thought-signatures", _signed),
    Rule("names are plain", "https://ai.google.dev/api/caching#FunctionDeclaration", _names),
    Rule("responses are objects", "https://ai.google.dev/api/caching#FunctionResponse", _objects),
)
