"""HTTP/1.1 by our own hand: asyncio protocols, llhttp's parser, a pool of connections. Knows no protocol above HTTP."""

from dragoman.transport.native.transport import NativeTransport, Stats

__all__ = ["NativeTransport", "Stats"]
