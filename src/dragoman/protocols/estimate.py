"""How many tokens a request has, estimated from its length, if its service cannot count them. Knows no vendor.

Tokenizers differ; of English text most make one token of about four bytes, of other scripts more tokens. So an estimate
is good enough to know whether a conversation is about to be too long, and for nothing else.
"""

from typing import assert_never

import msgspec

from dragoman.types import (
    AnyPart,
    Audio,
    ChatRequest,
    EmbedRequest,
    File,
    HostedCall,
    HostedResult,
    Image,
    Reasoning,
    Refusal,
    Text,
    TokenCount,
    Tool,
    ToolCall,
    ToolResult,
    Unknown,
)
from dragoman.types.operations import Tokens

BYTES_OF_TOKEN = 4
"""Bytes of UTF-8 text that make about one token."""
OF_MESSAGE = 4
"""Tokens that mark the begin and end of a message."""
OF_IMAGE = 1500
"""Tokens of a picture of a usual size: vendors count from 85 to some thousands."""
BYTES_OF_MEDIA = 64
"""Base64 characters of sound or of a document that make about one token."""

_json = msgspec.json.Encoder().encode


def estimated_tokens(request: ChatRequest) -> TokenCount:
    """An estimate of the tokens of a whole request: messages, tools and the form of the answer."""
    total = sum(OF_MESSAGE + sum(map(_of_part, message.parts)) for message in request.messages)
    for tool in request.tools:
        if isinstance(tool, Tool):
            total += estimated_text(tool.name) + estimated_text(tool.description or "")
            total += len(_json(tool.parameters or {})) // BYTES_OF_TOKEN
    if request.response_format is not None and request.response_format.schema is not None:
        total += len(_json(request.response_format.schema)) // BYTES_OF_TOKEN
    return TokenCount(max(1, total), estimated=True)


def estimated_inputs(request: EmbedRequest) -> int:
    """How many tokens the texts of `request` have: counted, if it has them as tokens."""
    return sum(map(estimated_input, request.inputs))


def estimated_input(text: str | Tokens) -> int:
    """How many tokens a text to be embedded has: counted, if it is cut into them."""
    return estimated_text(text) if isinstance(text, str) else len(text)


def estimated_text(text: str) -> int:
    """How many tokens `text` has, by its length."""
    return -(-len(text.encode("utf-8", "replace")) // BYTES_OF_TOKEN)


def _of_part(part: AnyPart) -> int:
    match part:
        case Text(text=text) | Refusal(text=text) | Reasoning(text=text):
            return estimated_text(text)
        case ToolCall(name=name, arguments=arguments):
            return estimated_text(name) + estimated_text(arguments)
        case HostedCall(arguments=arguments):
            return estimated_text(arguments)
        case ToolResult(parts=parts) | HostedResult(parts=parts):
            return sum(map(_of_part, parts))
        case Image():
            return OF_IMAGE
        case Audio(data=data) | File(data=data):
            return OF_IMAGE if data is None else len(data) // BYTES_OF_MEDIA
        case Unknown(data=data):
            return len(_json(data)) // BYTES_OF_TOKEN
        case _:
            assert_never(part)
