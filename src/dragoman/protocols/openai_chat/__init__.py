"""OpenAI's Chat Completions, which most services offer. https://platform.openai.com/docs/api-reference/chat"""

from dragoman.protocols.openai_chat.client import OpenAIChatClient
from dragoman.protocols.openai_chat.completions import OpenAICompletionsServer
from dragoman.protocols.openai_chat.completions_relay import COMPLETIONS
from dragoman.protocols.openai_chat.embeddings import OpenAIEmbedServer
from dragoman.protocols.openai_chat.extra import NAME
from dragoman.protocols.openai_chat.messages import decode_messages, encode_messages
from dragoman.protocols.openai_chat.request import decode_body
from dragoman.protocols.openai_chat.server import OpenAIChatServer
from dragoman.protocols.openai_chat.variant import USUAL, Variant

__all__ = [
    "COMPLETIONS",
    "NAME",
    "USUAL",
    "OpenAIChatClient",
    "OpenAIChatServer",
    "OpenAICompletionsServer",
    "OpenAIEmbedServer",
    "Variant",
    "decode_body",
    "decode_messages",
    "encode_messages",
]
