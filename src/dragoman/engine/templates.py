"""The templates of the requests to one service that are relayed. Knows no answer."""

from collections.abc import Callable, Hashable

from dragoman.protocols.relay import RelayRequest
from dragoman.transport.base import RequestTemplate

MAX_TEMPLATES = 1000
"""Templates of one service that are kept, if each model has its own: callers may invent names without end."""


class Templates:
    """The templates of the requests to one service: one for each head that its protocol has."""

    def __init__(
        self,
        make: Callable[[str, RelayRequest], RequestTemplate],
        key: Callable[[str, RelayRequest], Hashable] | None,
    ) -> None:
        self._make = make
        """Makes the template for a model and requests like this one."""
        self._key = key
        """See `RelayCodec.head_key`."""
        self._made: dict[Hashable, RequestTemplate] = {}

    def of(self, model: str, request: RelayRequest) -> RequestTemplate:
        """The template for `request`; `model`: the service's own name of the model."""
        key = request.stream if self._key is None else self._key(model, request)
        template = self._made.get(key)
        if template is None:
            if len(self._made) >= MAX_TEMPLATES:
                self._made.clear()
            template = self._made[key] = self._make(model, request)
        return template
