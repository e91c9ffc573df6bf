"""A cassette in a file, between a client and its services: recorded, or played. Knows no client."""

from pathlib import Path
from typing import Literal, get_args

from dragoman.errors import ConfigurationError
from dragoman.transport.base import Transport
from dragoman.transport.replay.cassette import Cassette
from dragoman.transport.replay.transport import RecordingTransport, ReplayTransport
from dragoman.transport.selector import Transports

RecordMode = Literal["none", "once", "all"]
"""`none`: only play; without a file every call is an error. `once`: record if there is no file yet, else play. `all`:
record anew. These are the words of vcrpy."""


class TapedTransports(Transports):
    """Real transports whose exchanges are recorded, or one that plays what was recorded.

    When they are closed, what was recorded is written to `path`, for its owner alone to read, in folders that are made
    if need be. If nothing was asked, nothing is written, so that a missing file is played as an empty one. Raises
    ConfigurationError for a file that is no cassette, and for another mode than these three.
    """

    def __init__(self, path: Path | str, mode: RecordMode) -> None:
        if mode not in get_args(RecordMode):
            raise ConfigurationError(f"mode: expected {', '.join(get_args(RecordMode))}, got {mode!r:.200}")
        self._path = Path(path)
        is_there = self._path.exists()
        self._records = mode == "all" or (mode == "once" and not is_there)
        self._cassette = Cassette() if self._records or not is_there else Cassette.load(self._path)
        self._secrets: set[bytes] = set()
        self._recording: dict[str | None, Transport] = {}
        super().__init__(None if self._records else ReplayTransport(self._cassette, strict=True))

    def pick(self, impersonate: str | None = None) -> Transport:
        """The transport that records for a service, or the one that plays for all."""
        if not self._records:
            return super().pick(impersonate)
        if impersonate not in self._recording:
            inner = super().pick(impersonate)
            self._recording[impersonate] = RecordingTransport(inner, self._cassette, self._secrets)
        return self._recording[impersonate]

    def close(self) -> None:
        """Ends every connection, and writes what was recorded. May be called twice."""
        super().close()
        recording, self._recording = self._recording, {}
        for transport in recording.values():
            transport.close()
        if recording and self._cassette.exchanges:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            self._cassette.save(self._path)
