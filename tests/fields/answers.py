"""The five dialects' whole answers: their types, as the vendors' SDKs have them, and what a sample of them needs."""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from anthropic.types.beta import BetaMessage
from google.genai import types as google
from msgspec import Struct
from ollama._types import ChatResponse
from openai.types.chat import ChatCompletion
from openai.types.responses import Response
from pydantic import BaseModel

from tests.fields.makers import base64, json_text, of, pictures, text, url
from tests.fields.schema import Made, Samples

Body = dict[str, Any]


class Answers(Struct, frozen=True):
    """A dialect's answers."""

    root: Any
    """The type of the whole body."""
    samples: Samples
    dress: Callable[[Body], Body]
    """Puts around a sample what makes it an answer."""


class GenerateContentResponse(BaseModel):
    """Google's answer as it is sent: the SDK adds fields of its own."""

    candidates: list[google.Candidate]
    createTime: datetime | None = None  # noqa: N815
    modelVersion: str | None = None  # noqa: N815
    promptFeedback: google.GenerateContentResponsePromptFeedback | None = None  # noqa: N815
    responseId: str | None = None  # noqa: N815
    usageMetadata: google.GenerateContentResponseUsageMetadata | None = None  # noqa: N815
    modelStatus: google.ModelStatus | None = None  # noqa: N815


TEXT = "The answer, in so many words."


def dressed_chat(body: Body) -> Body:
    said = {"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": "a"}}
    return {**body, "choices": body["choices"] or [said]}


CHAT = Answers(
    ChatCompletion,
    Samples(
        values={
            "model": text,
            "arguments": json_text,
            "AnnotationURLCitation.url": url,
            "ChatCompletionAudio.data": base64,
        },
        numbers={"start_index": 3, "end_index": 17},
        beside={
            "Annotation": {"type": "url_citation"},
            "ChatCompletion": {"choices": [], "object": "chat.completion"},
            "Choice": {"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": "a"}},
            "ChatCompletionMessage": {"content": TEXT},
            "ChatCompletionMessage.tool_calls": {"content": None},
            "ChatCompletionMessage.function_call": {"content": None},
            "ChatCompletionMessage.refusal": {"content": None},
            "ChatCompletionAudio": {"data": "YWJj"},
            "CompletionUsage": {"prompt_tokens": 90001, "completion_tokens": 90002, "total_tokens": 180003},
        },
    ),
    dressed_chat,
)

SAID = {
    "type": "message",
    "id": "msg_1",
    "role": "assistant",
    "status": "completed",
    "content": [{"type": "output_text", "text": TEXT, "annotations": []}],
}


ECHOED = ("instructions", "tools", "tool_choice", "prompt", "text", "reasoning")
"""Fields of the request, which the answer repeats."""


def dressed_responses(body: Body) -> Body:
    return {**body, "output": body["output"] or [SAID]}


RESPONSES = Answers(
    Response,
    Samples(
        values={
            "model": text,
            "arguments": json_text,
            "AnnotationURLCitation.url": url,
            "ImageGenerationCall.result": base64,
        },
        numbers={"start_index": 3, "end_index": 17, "created_at": 1234567},
        brief=frozenset(f"Response.{name}" for name in ECHOED),
        beside={
            "Response": {"output": [], "status": "completed", "created_at": 1234567},
            "Response.incomplete_details": {"status": "incomplete"},
            "ResponseOutputText": {"text": TEXT, "annotations": []},
            "ResponseOutputMessage": {"content": SAID["content"]},
            "ResponseUsage": {
                "input_tokens": 90001,
                "output_tokens": 90002,
                "total_tokens": 180003,
                "input_tokens_details": {"cached_tokens": 0},
                "output_tokens_details": {"reasoning_tokens": 0},
            },
        },
    ),
    dressed_responses,
)


def dressed_anthropic(body: Body) -> Body:
    return {**body, "content": body["content"] or [{"type": "text", "text": "a"}]}


ANTHROPIC = Answers(
    BetaMessage,
    Samples(
        values={"model": text, "BetaCitationsWebSearchResultLocation.url": url},
        beside={
            "BetaMessage": {
                "content": [],
                "stop_reason": "end_turn",
                "stop_sequence": None,
                "usage": {"input_tokens": 9, "output_tokens": 9},
            },
            "BetaMessage.stop_sequence": {"stop_reason": "stop_sequence"},
            "BetaServerToolUseBlock": {"name": "web_search"},
            "BetaUsage": {"input_tokens": 90001, "output_tokens": 90002},
        },
    ),
    dressed_anthropic,
)


def dressed_gemini(body: Body) -> Body:
    candidates = [
        {"finishReason": "STOP", "content": {"role": "model", "parts": [{"text": "a"}]}} | each
        for each in body["candidates"] or [{}]
    ]
    for each in candidates:
        each["content"] = {"role": "model", "parts": [{"text": "a"}]} | each["content"]
    return {**body, "candidates": candidates}


GEMINI = Answers(
    GenerateContentResponse,
    Samples(
        values={
            "fileUri": url,
            "Blob.data": base64,
            "FunctionResponseBlob.data": base64,
            "FunctionResponse.response": of(output=...),
            "PartialArg.jsonPath": lambda mark: Made(f"$.{mark}", mark),
        },
        beside={
            "GenerateContentResponse": {"candidates": []},
            "Part.thought": {"text": "hm"},
            "Part.thoughtSignature": {"functionCall": {"name": "f", "args": {}}},
            "Part.partMetadata": {"text": "a"},
            "FileData": {"fileUri": "https://example.com/a", "mimeType": "application/pdf"},
            "Blob": {"data": "YWJj", "mimeType": "image/png"},
            "FunctionCall": {"name": "f", "args": {}},
            "ExecutableCode": {"code": "1", "language": "PYTHON"},
            "CodeExecutionResult": {"outcome": "OUTCOME_OK"},
            "Candidate": {"index": 0},
            "ToolCall": {"toolType": "GOOGLE_SEARCH_WEB"},
            "GenerateContentResponseUsageMetadata": {"promptTokenCount": 90001, "candidatesTokenCount": 90002},
            "PartialArg": {"jsonPath": "$.a"},
            "LogprobsResultCandidate": {"token": "a", "logProbability": -0.5},
            "LogprobsResult": {"chosenCandidates": [{"token": "a", "logProbability": -0.5}]},
            "ModalityTokenCount": {"modality": "VIDEO", "tokenCount": 90003},
        },
    ),
    dressed_gemini,
)


def time(mark: str) -> Made:
    """A point in time, whose fraction is the mark's number."""
    return Made(f"2031-01-02T03:04:05.{mark[-5:]}Z", "2031-01-02T03:04:05")


def dressed_ollama(body: Body) -> Body:
    return body


OLLAMA = Answers(
    ChatResponse,
    Samples(
        values={"model": text, "Message.images": pictures, "ChatResponse.created_at": time},
        words={"Message.role": ("assistant",), "ChatResponse.done_reason": ("stop", "length", "load", "unload")},
        beside={
            "ChatResponse": {"model": "m", "created_at": "2026-01-01T00:00:00Z", "done": True, "done_reason": "stop"},
            "Message": {"role": "assistant", "content": "a"},
        },
    ),
    dressed_ollama,
)

ANSWERS: Mapping[str, Answers] = {
    "openai-chat": CHAT,
    "openai-responses": RESPONSES,
    "anthropic": ANTHROPIC,
    "gemini": GEMINI,
    "ollama": OLLAMA,
}
