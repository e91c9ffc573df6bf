"""Services, one class a file; a class works alone, or under a name in the configuration."""

from dragoman.engine.env import get_random_string
from dragoman.providers.aibn import Aibn
from dragoman.providers.aichatfree import AIChatFree
from dragoman.providers.aichatonline import AiChatOnline
from dragoman.providers.anthropic import Anthropic, AnthropicCompatible
from dragoman.providers.base import AsyncGeneratorProvider, AsyncResult
from dragoman.providers.cromicle import Cromicle
from dragoman.providers.models import ProviderModelMixin
from dragoman.providers.offline import Offline
from dragoman.providers.ollama import Ollama
from dragoman.providers.openai import OpenAI, OpenAICompatible
from dragoman.providers.prompt import Messages, format_prompt
from dragoman.providers.session import StreamSession, raise_for_status

__all__ = [
    "AIChatFree",
    "AiChatOnline",
    "Aibn",
    "Anthropic",
    "AnthropicCompatible",
    "AsyncGeneratorProvider",
    "AsyncResult",
    "Cromicle",
    "Messages",
    "Offline",
    "Ollama",
    "OpenAI",
    "OpenAICompatible",
    "ProviderModelMixin",
    "StreamSession",
    "format_prompt",
    "get_random_string",
    "raise_for_status",
]
