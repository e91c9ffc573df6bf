"""An HTTP/1.1 client of our own: asyncio protocols, llhttp's parser, a pool of connections. Knows only HTTP."""

from dragoman.transport.native.transport import NativeTransport, Stats

__all__ = ["NativeTransport", "Stats"]
