"""Records what another transport brings, and plays it again without a network."""

from dragoman.transport.replay.cassette import Cassette
from dragoman.transport.replay.taped import RecordMode, TapedTransports
from dragoman.transport.replay.transport import RecordingTransport, ReplayTransport

__all__ = ["Cassette", "RecordMode", "RecordingTransport", "ReplayTransport", "TapedTransports"]
