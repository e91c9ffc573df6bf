"""A service as a relay needs it."""

from collections.abc import Callable

from msgspec import Struct, field

from dragoman.engine.secrets import Secrets
from dragoman.engine.templates import Templates
from dragoman.errors import DragomanError
from dragoman.protocols.betas import remaining, sent
from dragoman.protocols.relay import RelayCodec
from dragoman.transport.base import MAX_BODY
from dragoman.transport.gateways import Gateways
from dragoman.transport.refused import Refused
from dragoman.types import Headers


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
    refused: Refused | None = None
    """The same; None: no beta may be lost."""
    replaced: frozenset[str] = frozenset()
    """Header fields of a caller that do not pass, since the service's own `headers` have them; in lower case."""
    origin: Callable[[str], str | None] = lambda _: None
    """Whose state a model of the service writes; see `opaque`."""

    def taken_betas(self, model: str, headers: Headers) -> str:
        """What of the betas in `headers` the service takes, as far as it is known."""
        betas = sent(headers, self.codec.beta_field)
        return self.refused.taken(self.name, model, betas) if betas and self.refused is not None else betas

    def fewer_betas(self, model: str, headers: Headers, error: DragomanError) -> str | None:
        """Those with which it may be asked once more, after `error`; None if they are not why it failed."""
        field = self.codec.beta_field
        return None if self.refused is None else remaining(self.taken_betas(model, headers), field, error)

    def learn_betas(self, model: str, headers: Headers, taken: str) -> None:
        """It has refused those in `headers`, and answers with `taken`."""
        if self.refused is not None:
            self.refused.learn(self.name, model, sent(headers, self.codec.beta_field), taken)
