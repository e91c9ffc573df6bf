"""The composition root: configuration to objects, and the library's public face."""

from dragoman.client.client import Client
from dragoman.client.sync import SyncClient, SyncStream

__all__ = ["Client", "SyncClient", "SyncStream"]
