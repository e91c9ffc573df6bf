"""What an answer cost in tokens."""

from msgspec import Struct
from msgspec.structs import asdict


class Usage(Struct, frozen=True):
    """Tokens. None: not reported; 0: none. Cache and reasoning counts lie inside input and output."""

    input_tokens: int | None = None
    output_tokens: int | None = None
    cache_read_tokens: int | None = None
    cache_write_tokens: int | None = None
    reasoning_tokens: int | None = None

    def merge(self, later: "Usage") -> "Usage":
        """Both reports as one: the last word on each count holds, counts are never added."""
        return Usage(**asdict(self) | {name: count for name, count in asdict(later).items() if count is not None})
