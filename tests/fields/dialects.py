"""The five dialects: the types of their requests, as the vendors' SDKs have them, and what a sample of them needs."""

from collections.abc import Callable, Mapping
from typing import Any, Optional

from anthropic.types.beta.message_create_params import MessageCreateParamsBase
from google.genai import types as google
from msgspec import Struct
from ollama._types import ChatRequest
from openai.types.chat.completion_create_params import CompletionCreateParamsBase
from openai.types.responses.response_create_params import ResponseCreateParamsBase
from pydantic import BaseModel

from tests.fields.makers import (
    PDF,
    base64,
    data_url,
    function_of,
    json_text,
    listed,
    named,
    of,
    pictures,
    schema,
    text,
    url,
)
from tests.fields.schema import Made, Samples

Body = dict[str, Any]


class Dialect(Struct, frozen=True):
    """A dialect's requests."""

    root: Any
    """The type of the whole body."""
    samples: Samples
    dress: Callable[[Body], Body]
    """Puts around a sample what makes it a request: the call before a result, the tool that is chosen."""
    path: str = ""
    """Where callers post it."""


class GenerationConfig(google.GenerationConfig):
    """Google's settings, with the one that stands elsewhere in the SDK."""

    image_config: Optional[google.ImageConfig] = None  # noqa: UP045  # as the class that it extends


class GenerateContent(BaseModel):
    """Google's body as it is sent: the SDK keeps it flat."""

    contents: list[google.Content]
    systemInstruction: google.Content | None = None  # noqa: N815
    tools: list[google.Tool] | None = None
    toolConfig: google.ToolConfig | None = None  # noqa: N815
    safetySettings: list[google.SafetySetting] | None = None  # noqa: N815
    cachedContent: str | None = None  # noqa: N815
    generationConfig: GenerationConfig | None = None  # noqa: N815
    labels: dict[str, str] | None = None
    serviceTier: google.ServiceTier | None = None  # noqa: N815
    store: bool | None = None
    modelArmorConfig: google.ModelArmorConfig | None = None  # noqa: N815


USER = {"role": "user", "content": "hi"}
SCHEMA = schema("a").value


def dressed_chat(body: Body) -> Body:
    messages = body["messages"] or [USER]
    first = messages[0]
    if first["role"] == "tool":
        call = {"id": first["tool_call_id"], "type": "function", "function": {"name": "f", "arguments": "{}"}}
        messages = [USER, {"role": "assistant", "tool_calls": [call]}, *messages]
    elif first["role"] == "function":
        call = {"name": first["name"], "arguments": "{}"}
        messages = [USER, {"role": "assistant", "content": None, "function_call": call}, *messages]
    elif first["role"] == "assistant":
        messages = [USER, *messages, USER]
    elif first["role"] != "user":
        messages = [*messages, USER]
    body = {**body, "messages": messages}
    match body.get("tool_choice"):
        case {"function": {"name": name}}:
            body["tools"] = [{"type": "function", "function": {"name": name}}]
        case {"custom": {"name": name}}:
            body["tools"] = [{"type": "custom", "custom": {"name": name}}]
        case {"allowed_tools": {"tools": tools}}:
            body["tools"] = tools or [{"type": "function", "function": {"name": "f"}}]
        case str():
            body["tools"] = [{"type": "function", "function": {"name": "f"}}]
    match body.get("function_call"):
        case {"name": name}:
            body["functions"] = [{"name": name}]
        case str():
            body["functions"] = [{"name": "f"}]
    return body


CHAT = Dialect(
    CompletionCreateParamsBase,
    Samples(
        values={
            "model": text,
            "ImageURL.url": url,
            "InputAudio.data": base64,
            "FileFile.file_data": data_url("application/pdf"),
            "arguments": json_text,
            "FunctionDefinition.parameters": schema,
            "Function.parameters": schema,
            "JSONSchema.schema": schema,
            "ChatCompletionAllowedToolsParam.tools": listed(function_of),
        },
        numbers={"top_logprobs": 13, "n": 1, "seed": 4321, "temperature": 0.71, "top_p": 0.72},
        beside={
            "CompletionCreateParamsBase": {"messages": [USER], "model": "m"},
            "CompletionCreateParamsBase.top_logprobs": {"logprobs": True},
            "CompletionCreateParamsBase.stream_options": {"stream": True},
            "CompletionCreateParamsBase.parallel_tool_calls": {
                "tools": [{"type": "function", "function": {"name": "f"}}]
            },
            "CompletionCreateParamsBase.audio": {"modalities": ["text", "audio"]},
            "ChatCompletionContentPartImageParam": {"image_url": {"url": "https://example.com/a"}},
            "FileFile": {"file_data": PDF},
            "FileFile.file_id": {"file_data": None},
            "InputAudio": {"data": "YWJj", "format": "wav"},
            "ChatCompletionAssistantMessageParam.name": {"content": "a"},
        },
    ),
    dressed_chat,
    "/v1/chat/completions",
)

FILES = ("ResponseInputFileParam", "ResponseInputFileContentParam")
CALLED = {"type": "function_call", "call_id": "call_1", "name": "f", "arguments": "{}"}


def dressed_responses(body: Body) -> Body:
    given = body.get("input", "hi")
    if not isinstance(given, str):
        before: list[Body] = []
        for item in given:
            match item:
                case {"type": "function_call_output", "call_id": id_}:
                    before.append({**CALLED, "call_id": id_})
                case {"type": "custom_tool_call_output", "call_id": id_}:
                    before.append({"type": "custom_tool_call", "call_id": id_, "name": "f", "input": "a"})
        given = [USER, *before, *given, USER]
    body = {**body, "input": given}
    match body.get("tool_choice"):
        case {"type": "function", "name": name}:
            body["tools"] = [{"type": "function", "name": name, "parameters": SCHEMA, "strict": False}]
        case {"type": "custom", "name": name}:
            body["tools"] = [{"type": "custom", "name": name}]
        case {"type": "allowed_tools", "tools": tools}:
            names = [each["name"] for each in tools] or ["f"]
            body["tools"] = [
                {"type": "function", "name": each, "parameters": SCHEMA, "strict": False} for each in names
            ]
        case str():
            body["tools"] = [{"type": "function", "name": "f", "parameters": SCHEMA, "strict": False}]
    return body


RESPONSES = Dialect(
    ResponseCreateParamsBase,
    Samples(
        values={
            "model": text,
            "image_url": url,
            "file_url": url,
            "file_data": data_url("application/pdf"),
            "arguments": json_text,
            "parameters": schema,
            "output_schema": schema,
            "schema": schema,
            "ToolChoiceAllowedParam.tools": listed(named),
            "server_url": url,
        },
        numbers={"top_logprobs": 13, "temperature": 0.71, "top_p": 0.72},
        beside={
            "ResponseCreateParamsBase": {"input": "hi", "model": "m"},
            "ResponseInputImageParam": {"image_url": "https://example.com/a", "detail": "auto"},
            "ResponseInputImageParam.file_id": {"image_url": None},
            "ResponseInputImageContentParam": {"image_url": "https://example.com/a"},
            "ResponseInputImageContentParam.file_id": {"image_url": None},
            **{kind: {"file_data": PDF} for kind in FILES},
            **{f"{kind}.{name}": {"file_data": None} for kind in FILES for name in ("file_id", "file_url")},
            "EasyInputMessageParam.phase": {"role": "assistant"},
            "ResponseOutputMessageParam": {"content": [{"type": "output_text", "text": "a", "annotations": []}]},
            "ResponseFunctionToolCallParam": {"arguments": "{}"},
            "FunctionCallOutput": {"call_id": "call_1"},
        },
    ),
    dressed_responses,
    "/v1/responses",
)


def dressed_anthropic(body: Body) -> Body:
    messages = body["messages"] or [USER]
    first = messages[0]
    content = first.get("content")
    if first["role"] == "assistant":
        messages = [USER, *messages, USER]
    elif first["role"] == "system":
        messages = [USER, {"role": "assistant", "content": "a"}, USER, *messages]
    elif isinstance(content, list) and content and content[0].get("type") == "tool_result":
        use = {"type": "tool_use", "id": content[0]["tool_use_id"], "name": "f", "input": {}}
        messages = [USER, {"role": "assistant", "content": [use]}, *messages]
    body = {**body, "messages": messages}
    match body.get("tool_choice"):
        case {"type": "tool", "name": name}:
            body["tools"] = [{"name": name, "input_schema": SCHEMA}]
        case {}:
            body["tools"] = [{"name": "f", "input_schema": SCHEMA}]
    return body


ANTHROPIC = Dialect(
    MessageCreateParamsBase,
    Samples(
        values={
            "model": text,
            "url": url,
            "BetaBase64ImageSourceParam.data": base64,
            "BetaBase64PDFSourceParam.data": base64,
            "schema": schema,
            "BetaToolParam.input_schema": schema,
        },
        numbers={"temperature": 0.71, "top_p": 0.72, "budget_tokens": 4321},
        beside={
            "MessageCreateParamsBase": {"messages": [USER], "model": "m", "max_tokens": 100_000},
            "InputSchemaTyped": {"type": "object"},
            "BetaSystemMessageParam": {"content": "a"},
            "BetaBase64ImageSourceParam": {"data": "YWJj"},
            "BetaBase64PDFSourceParam": {"data": "YWJj"},
            "BetaURLImageSourceParam": {"url": "https://example.com/a"},
        },
    ),
    dressed_anthropic,
    "/v1/messages",
)


def dressed_gemini(body: Body) -> Body:
    contents = body["contents"] or [{"role": "user", "parts": [{"text": "hi"}]}]
    first = contents[0]
    first = {"role": "user", **first} if "role" not in first else first
    if not first.get("parts"):
        first = {**first, "parts": [{"text": "hi"}]}
    part = first["parts"][0]
    hi = {"role": "user", "parts": [{"text": "hi"}]}
    model_parts = {
        "functionCall",
        "executableCode",
        "codeExecutionResult",
        "toolCall",
        "toolResponse",
        "thought",
        "thoughtSignature",
    }
    if model_parts & part.keys() or first["role"] == "model":
        contents = [hi, {**first, "role": "model"}, hi]
    elif response := part.get("functionResponse"):
        call = {"name": response.get("name", "f")} | ({"id": response["id"]} if "id" in response else {})
        contents = [hi, {"role": "model", "parts": [{"functionCall": call}]}, first]
    else:
        contents = [first]
    body = {**body, "contents": contents}
    if names := (body.get("toolConfig", {}).get("functionCallingConfig") or {}).get("allowedFunctionNames"):
        body["tools"] = [{"functionDeclarations": [{"name": each} for each in names]}]
    return body


GEMINI = Dialect(
    GenerateContent,
    Samples(
        values={
            "fileUri": url,
            "url": url,
            "Blob.data": base64,
            "FunctionResponseBlob.data": base64,
            "FunctionResponse.response": of(output=...),
            "FunctionDeclaration.parametersJsonSchema": schema,
            "FunctionDeclaration.responseJsonSchema": schema,
            "responseJsonSchema": schema,
            "Schema.default": text,
        },
        numbers={"temperature": 0.71, "topP": 0.72, "topK": 33, "logprobs": 13, "candidateCount": 1},
        words={
            "Content.role": ("user", "model"),
            "GenerationConfig.responseMimeType": ("text/plain", "application/json", "text/x.enum"),
            "GenerationConfig.responseModalities": ("TEXT", "IMAGE", "AUDIO"),
        },
        beside={
            "GenerateContent": {"contents": []},
            "Content": {"parts": [{"text": "a"}]},
            "Part.thought": {"text": "hm"},
            "Part.thoughtSignature": {"functionCall": {"name": "f", "args": {}}},
            "Part.partMetadata": {"text": "a"},
            "Part.mediaResolution": {"inlineData": {"mimeType": "image/png", "data": "YWJj"}},
            "Part.mediaProcessing": {"fileData": {"mimeType": "video/mp4", "fileUri": "https://example.com/a"}},
            "Part.videoMetadata": {"fileData": {"mimeType": "video/mp4", "fileUri": "https://example.com/a"}},
            "Part.audioMetadata": {"fileData": {"mimeType": "audio/wav", "fileUri": "https://example.com/a"}},
            "Part.documentMetadata": {"fileData": {"mimeType": "application/pdf", "fileUri": "https://example.com/a"}},
            "Part.spreadsheetMetadata": {"fileData": {"mimeType": "text/csv", "fileUri": "https://example.com/a"}},
            "FileData": {"fileUri": "https://example.com/a", "mimeType": "application/pdf"},
            "Blob": {"data": "YWJj", "mimeType": "image/png"},
            "FunctionResponseBlob": {"data": "YWJj", "mimeType": "image/png"},
            "FunctionResponseFileData": {"fileUri": "https://example.com/a", "mimeType": "application/pdf"},
            "FunctionCall": {"name": "f"},
            "FunctionResponse": {"name": "f", "response": {"output": "a"}},
            "FunctionDeclaration": {"name": "f"},
            "ExecutableCode": {"code": "1", "language": "PYTHON"},
            "CodeExecutionResult": {"outcome": "OUTCOME_OK"},
            "GenerationConfig.responseSchema": {"responseMimeType": "application/json"},
            "GenerationConfig.responseJsonSchema": {"responseMimeType": "application/json"},
            "GenerationConfig.logprobs": {"responseLogprobs": True},
            "Schema": {"type": "OBJECT"},
        },
    ),
    dressed_gemini,
    "/v1beta/models/m:generateContent",
)


def dressed_ollama(body: Body) -> Body:
    messages = body.get("messages") or [USER]
    first = messages[0]
    if first["role"] == "tool":
        call = {"function": {"name": first.get("tool_name", "f"), "arguments": {}}}
        messages = [USER, {"role": "assistant", "tool_calls": [call]}, *messages]
    elif first["role"] == "assistant":
        messages = [USER, *messages, USER]
    return {**body, "messages": messages}


OLLAMA = Dialect(
    ChatRequest,
    Samples(
        values={
            "model": text,
            "Message.images": pictures,
            "Parameters.$defs": lambda mark: Made({"a": {"type": "string", "description": mark}}, mark),
        },
        words={
            "Message.role": ("user", "assistant", "system", "tool"),
            "ChatRequest.think": ("low", "medium", "high"),
        },
        numbers={"top_logprobs": 13, "temperature": 0.71, "top_p": 0.72, "mirostat": 2},
        beside={
            "ChatRequest": {"model": "m", "messages": [USER]},
            "ChatRequest.top_logprobs": {"logprobs": True},
            "Message": {"role": "user", "content": "a"},
            "Message.tool_name": {"role": "tool"},
            "Message.tool_calls": {"role": "assistant"},
            "Message.thinking": {"role": "assistant"},
            "Tool": {"type": "function"},
            "Function": {"name": "f"},
            "Parameters": {"type": "object"},
        },
    ),
    dressed_ollama,
    "/api/chat",
)

DIALECTS: Mapping[str, Dialect] = {
    "openai-chat": CHAT,
    "openai-responses": RESPONSES,
    "anthropic": ANTHROPIC,
    "gemini": GEMINI,
    "ollama": OLLAMA,
}
