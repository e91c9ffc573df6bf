"""For tests of programs that use this library: what services answered, recorded once and replayed from then on.

`dragoman.testing.plugin` has pytest's fixture; nothing else here imports pytest.
"""

from dragoman.testing.cassette_file import CassetteFile
from dragoman.transport.replay import Cassette, RecordMode, ReplayTransport

__all__ = ["Cassette", "CassetteFile", "RecordMode", "ReplayTransport"]
