"""Google's Gemini API. https://ai.google.dev/api/generate-content"""

from dragoman.protocols.gemini.client import GeminiClient
from dragoman.protocols.gemini.count import GeminiCountServer
from dragoman.protocols.gemini.embeddings import GeminiEmbedServer
from dragoman.protocols.gemini.extra import NAME
from dragoman.protocols.gemini.server import GeminiServer

__all__ = ["NAME", "GeminiClient", "GeminiCountServer", "GeminiEmbedServer", "GeminiServer"]
