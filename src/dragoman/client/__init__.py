"""The composition root: configuration to objects, and the library's public face."""

from dragoman.client.attachments import attachment
from dragoman.client.client import Client
from dragoman.client.functions import FunctionTool, function_tool
from dragoman.client.mapped import Mapped, MapStream
from dragoman.client.output import OutputRun, OutputStream
from dragoman.client.run import Run
from dragoman.client.stream import ChatStream
from dragoman.client.sync import SyncClient
from dragoman.client.sync_stream import SyncMapStream, SyncOutputRun, SyncOutputStream, SyncRun, SyncStream
from dragoman.providers.request import Conversation

__all__ = [
    "ChatStream",
    "Client",
    "Conversation",
    "FunctionTool",
    "MapStream",
    "Mapped",
    "OutputRun",
    "OutputStream",
    "Run",
    "SyncClient",
    "SyncMapStream",
    "SyncOutputRun",
    "SyncOutputStream",
    "SyncRun",
    "SyncStream",
    "attachment",
    "function_tool",
]
