"""Anthropic's Messages. https://platform.claude.com/docs/en/api/messages"""

from dragoman.protocols.anthropic.client import AnthropicClient
from dragoman.protocols.anthropic.count import AnthropicCountServer
from dragoman.protocols.anthropic.extra import NAME
from dragoman.protocols.anthropic.request import decode_body
from dragoman.protocols.anthropic.server import AnthropicServer

__all__ = ["NAME", "AnthropicClient", "AnthropicCountServer", "AnthropicServer", "decode_body"]
