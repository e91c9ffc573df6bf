"""The composition root: configuration to objects, and the library's public face."""

from dragoman.client.client import Client
from dragoman.client.functions import function_tool
from dragoman.client.stream import ChatStream
from dragoman.client.sync import SyncClient
from dragoman.client.sync_stream import SyncStream

__all__ = ["ChatStream", "Client", "SyncClient", "SyncStream", "function_tool"]
