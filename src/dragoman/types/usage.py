"""What an answer cost in tokens."""

from msgspec import field
from msgspec.structs import asdict

from dragoman.types.messages import Extra
from dragoman.types.value import Value

OBJECTS = frozenset({"details", "extra"})


class Usage(Value, frozen=True):
    """Tokens. None: not reported; 0: none. Cache and reasoning counts lie inside input and output."""

    input_tokens: int | None = None
    output_tokens: int | None = None
    cache_read_tokens: int | None = None
    cache_write_tokens: int | None = None
    reasoning_tokens: int | None = None
    total_tokens: int | None = None
    """What the service reported as the sum, if it is not that of input and output."""
    details: dict[str, int] = field(default_factory=dict)
    """Further counts that lie inside these: `input.audio`, `output.image`, `cache_write.1h`, `tool.web_search` …"""
    extra: Extra = field(default_factory=dict)
    """What the service's protocol reported beyond these counts."""

    @property
    def total(self) -> int | None:
        """The sum: what the service reported, or else that of input and output."""
        if self.total_tokens is not None or self.input_tokens is None or self.output_tokens is None:
            return self.total_tokens
        return self.input_tokens + self.output_tokens

    def merge(self, later: "Usage") -> "Usage":
        """Both reports as one: for each count the later one holds; counts are never added.

        A total is that of the counts it came with: the one of an earlier report is not that of later counts.
        """
        known = {name: value for name, value in asdict(later).items() if value is not None and name not in OBJECTS}
        if "input_tokens" in known or "output_tokens" in known:
            known["total_tokens"] = later.total_tokens
        details = self.details | later.details
        extra = {name: self.extra.get(name, {}) | fields for name, fields in later.extra.items()}
        return Usage(**asdict(self) | known | {"details": details, "extra": self.extra | extra})


def merged(earlier: Usage | None, later: Usage | None) -> Usage | None:
    """`Usage.merge` of two reports of which one or both may be missing."""
    if earlier is None or later is None:
        return earlier or later
    return earlier.merge(later)
