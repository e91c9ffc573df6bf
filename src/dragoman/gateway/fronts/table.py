"""The table of paths: which endpoint answers, or which front says that none does. Knows no protocol and no server."""

import re
from collections.abc import Callable, Iterable
from functools import cache

from msgspec import Struct
from msgspec.structs import force_setattr

from dragoman.client import Client
from dragoman.gateway.fronts.endpoints import ChatEndpoint, Endpoint
from dragoman.gateway.kept_turns import KeptTurns
from dragoman.gateway.metrics.observer import Metrics
from dragoman.gateway.prompt_caches.explained import PromptCaches
from dragoman.gateway.remembered import Memory
from dragoman.protocols.base import ServerCodec
from dragoman.types import ServerRequest, ServerResponse

NAMED = re.compile(r"\{\w+\}")
"""What stands for any text in a pattern."""

NAME, LAST_NAME = ".*[^/]", ".++(?<!/)"
"""The same as a regular expression. LAST_NAME stands at a pattern's end, and gives nothing back: else a path with many
places at which that text could begin would be read again from each of them."""


class Row(Struct, frozen=True):
    """A path of a front."""

    method: str
    """`GET` answers HEAD too."""
    path: str
    """A pattern: `{name}` stands for any text that does not end with a slash, such as `up/gpt-4o-mini`."""
    endpoint: Endpoint
    apart: tuple[str, ...] = ()
    """What the first `{name}` does not begin with, up to a slash."""


def nobody(call: ServerRequest) -> bool:
    """Claims no call."""
    return False


class Front(Struct, frozen=True):
    """A protocol on some of our paths."""

    codec: ServerCodec
    """Encodes the errors."""
    rows: tuple[Row, ...]
    prefix: str = ""
    """A path below it that has no endpoint is refused by this front."""
    open: bool = False
    """No key is needed."""
    any_host: bool = False
    """Its paths are answered whatever host is named: they change nothing, and tell nothing of the configuration."""
    password: bool = False
    """The protocol's own password may be shown in place of a key."""
    refused: str | None = None
    """The code of the error for a missing key, if the protocol has its own."""
    no_method: ServerResponse | None = None
    no_path: ServerResponse | None = None
    """The front's own responses, if it has any, to an unknown method and to an unknown path."""
    json: bool = False
    """Bodies whose `content-type` is not JSON are refused."""
    rest: bool = False
    """All paths that belong to no other front are refused by this one. One front has this."""
    name: str = ""
    """What outcomes call it: as its codec, if nothing else is given. Requests that ask for no model must not count as
    those of a protocol."""
    claims: Callable[[ServerRequest], bool] = nobody
    """Whether a caller speaks this front's protocol, which its headers show: several fronts may have the same path."""

    def __post_init__(self) -> None:
        force_setattr(self, "name", self.name or self.codec.name)

    def holds(self, path: str) -> bool:
        """Whether `path` is below the front's prefix."""
        return bool(self.prefix) and (path == self.prefix or path.startswith(f"{self.prefix}/"))


class FrontContext(Struct, frozen=True):
    """What fronts are made from."""

    client: Client
    """Has the models that answer, and the settings of each front."""
    unready: Callable[[], str]
    """Why requests should go to another gateway from now on, in a word; empty if they need not."""
    table: "Callable[[], PathTable]"
    """The table of all fronts, which is known once all are made."""
    memory: Memory
    """Keeps answers that callers may refer to."""
    turns: KeptTurns | None = None
    """Keeps opaque state for callers who do not send it back; None: nothing is kept."""
    caches: PromptCaches | None = None
    """Explains caches of prompts; None: nothing is known of any."""
    metrics: Metrics | None = None
    """What is counted; None: nothing is."""


class FrontMaker(Struct, frozen=True):
    """What a module of this folder adds to the gateway; `fronts/catalogue.py` finds it."""

    make: Callable[[FrontContext], tuple[Front, ...]]
    """Makes the module's fronts. Raises ConfigurationError if their settings are wrong."""


class Found(Struct, frozen=True):
    """What is at a path. A full match has an endpoint, a partial match only `methods`, and no match has neither."""

    front: Front
    """The front of the path; if there is no match, the front with the longest prefix of the path."""
    endpoint: Endpoint | None = None
    methods: tuple[str, ...] = ()
    """The methods that the path answers, if it does not answer the one that came."""


class PathTable:
    """The rows of some fronts. Exact paths are tried before patterns."""

    def __init__(self, fronts: Iterable[Front]) -> None:
        self._fronts = tuple(fronts)
        (self._rest,) = [front for front in self._fronts if front.rest]
        rows = [(row, front) for front in self._fronts for row in front.rows]
        self._exact: dict[tuple[str, str], list[Found]] = {}
        for row, front in rows:
            if "{" not in row.path:
                self._exact.setdefault((row.method, row.path), []).append(Found(front, row.endpoint))
        self._patterns = [(_compiled(row.path, row.apart), row, front) for row, front in rows]

    def find(self, call: ServerRequest) -> Found:
        """What answers `call`: of several fronts with its path the one that claims it, else the one with `rest`."""
        method, path = "GET" if call.method == "HEAD" else call.method, call.path
        exact = self._exact.get((method, path))
        if exact is not None:
            return exact[0] if len(exact) == 1 else self._chosen(exact, call)
        matching = [(row, front) for pattern, row, front in self._patterns if pattern.fullmatch(path)]
        if found := [Found(front, row.endpoint) for row, front in matching if row.method == method]:
            return self._chosen(found, call)
        return Found(self._holder(call), methods=tuple(dict.fromkeys(row.method for row, _ in matching)))

    def pattern(self, method: str, path: str) -> str:
        """The pattern of the row that answers `path`; empty if none does."""
        for pattern, row, _ in self._patterns:
            if row.method == method and "{" in row.path and pattern.fullmatch(path):
                return row.path
        return ""

    def served(self) -> dict[str, str]:
        """Every path that is not a pattern, to the first of its methods."""
        served: dict[str, str] = {}
        for method, path in self._exact:
            served.setdefault(path, method)
        return served

    def chats(self) -> dict[str, str]:
        """Where chats are answered: the first path of each protocol, which may be a pattern, by the protocol's name."""
        found: dict[str, str] = {}
        for row in (row for front in self._fronts for row in front.rows if row.method == "POST"):
            if isinstance(row.endpoint, ChatEndpoint):
                found.setdefault(row.endpoint.codec.name, row.path)
        return found

    def _chosen(self, found: list[Found], call: ServerRequest) -> Found:
        claimed = [each for each in found if each.front.claims(call)]
        return (claimed or [each for each in found if each.front is self._rest] or found)[0]

    def _holder(self, call: ServerRequest) -> Front:
        """The front with the longest prefix of the path; if none has one, the one that claims the call."""
        holders = [front for front in self._fronts if front.holds(call.path)]
        claiming = next((front for front in self._fronts if front.claims(call)), self._rest)
        return max(holders, key=lambda front: len(front.prefix), default=claiming)


def filled(pattern: str, text: str) -> str:
    """A path that `pattern` stands for, with `text` in place of each `{name}`."""
    return NAMED.sub(lambda _: text, pattern)


@cache  # the paths of all fronts, which each gateway has
def _compiled(pattern: str, apart: tuple[str, ...]) -> re.Pattern[str]:
    start, *rest = map(re.escape, NAMED.split(pattern))
    if apart:
        start += f"(?!(?:{'|'.join(map(re.escape, apart))})/)"
    text = NAME.join([start, *rest])
    return re.compile(text.removesuffix(NAME) + LAST_NAME if text.endswith(NAME) else text, re.DOTALL)
