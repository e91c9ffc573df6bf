"""What the two recorded chat sites share as servers: a secret, a password, and one model. Knows no site."""

from dragoman.protocols.base import ServerCodec
from dragoman.protocols.webchat.plain_text import TEXTUAL
from dragoman.protocols.webchat.site_auth import SiteAuth
from dragoman.types import ServerRequest, ServerResponse


class SiteServer(ServerCodec):
    """Requests name no model: all are for `model`. `secret`, `password`: see SiteAuth."""

    expresses = TEXTUAL

    def __init__(self, *, secret: str = "", password: str | None = None, model: str = "") -> None:
        self._site_auth = SiteAuth(secret, password)
        self._model = model

    def auth(self, call: ServerRequest, *, key_shown: bool = False) -> ServerResponse:
        """The answer to `/api/auth`; see `decode_request`."""
        return self._site_auth.auth(call, key_shown=key_shown)
