"""For tests of programs that use this library: what services answered, recorded once and played ever after.

`dragoman.testing.plugin` has pytest's fixture; nothing else here imports pytest.
"""

from dragoman.testing.cassette_file import CassetteFile
from dragoman.transport.replay import Cassette, RecordMode, ReplayTransport

__all__ = ["Cassette", "CassetteFile", "RecordMode", "ReplayTransport"]
