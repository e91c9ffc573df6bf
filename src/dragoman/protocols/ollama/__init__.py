"""Ollama's API, which its server and some that are like it offer. https://github.com/ollama/ollama/blob/main/docs/api.md"""

from dragoman.protocols.ollama.client import OllamaClient
from dragoman.protocols.ollama.embeddings import OllamaEmbedServer
from dragoman.protocols.ollama.extra import NAME
from dragoman.protocols.ollama.server import OllamaServer

__all__ = ["NAME", "OllamaClient", "OllamaEmbedServer", "OllamaServer"]
