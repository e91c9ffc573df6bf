"""A service as a relay needs it."""

from collections.abc import Callable

from msgspec import Struct, field

from dragoman.engine.secrets import Secrets
from dragoman.engine.templates import Templates
from dragoman.protocols.relay import RelayCodec
from dragoman.transport.base import MAX_BODY
from dragoman.transport.gateways import Gateways


class RelayTarget(Struct, frozen=True):
    """A service, with all that a relay needs to know of it."""

    name: str
    """The name of the provider, for errors."""
    secrets: Secrets
    """What no error may show."""
    codec: RelayCodec
    """The protocol of the service."""
    templates: Templates
    """What sends the requests."""
    empty_ok: bool = False
    """Whether an answer without content is a good one."""
    max_answer: int = MAX_BODY
    """Bytes of an answer; a longer one is broken off."""
    gateways: Gateways = field(default_factory=Gateways)
    """See `Service`."""
    replaced: frozenset[str] = frozenset()
    """Header fields of a caller that do not pass, since the service's own `headers` have them; in lower case."""
    origin: Callable[[str], str | None] = lambda _: None
    """Whose state a model of the service writes; see `opaque`."""
