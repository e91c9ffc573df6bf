"""The four web-chat protocols, each under its own name: they answer as the recorded sites do."""

from collections.abc import Callable

from dragoman.client import Client
from dragoman.config import FrontConfig
from dragoman.engine.env import system_env
from dragoman.error_words import nearest
from dragoman.errors import ConfigurationError, ModelNotFoundError
from dragoman.gateway.fronts.endpoints import ChatEndpoint, Endpoint, ImmediateEndpoint, is_clean
from dragoman.gateway.fronts.table import Front, FrontMaker, Row
from dragoman.gateway.http.response_writer import ResponseWriter
from dragoman.protocols.webchat import site_auth
from dragoman.protocols.webchat.aibn import AibnServer
from dragoman.protocols.webchat.aichatfree import AIChatFreeServer
from dragoman.protocols.webchat.aichatonline import AiChatOnlineServer
from dragoman.protocols.webchat.cromicle import CromicleServer
from dragoman.protocols.webchat.site_server import SiteServer
from dragoman.types import ServerRequest, ServerResponse

NO_METHOD = ServerResponse(status=404)
NO_PATH = ServerResponse(status=404, body=b"Not found")
"""What both recorded chat sites send for a method or a path that they do not know."""


class Auth(Endpoint):
    """Says whether a password is right; every password is, if a key of the gateway is shown."""

    def __init__(self, codec: SiteServer) -> None:
        self._codec = codec

    async def __call__(self, call: ServerRequest, writer: ResponseWriter) -> None:
        await writer.send(self._codec.auth(call, key_shown=writer.outcome.identity.known))


def aibn(client: Client, settings: FrontConfig) -> Front:
    """A front like chatgpt-demo."""
    codec = AibnServer(secret=settings.secret or "", password=settings.password, model=settings.model or "")
    return _recorded("/aibn", client, codec, settings)


def aichatfree(client: Client, settings: FrontConfig) -> Front:
    """A front like GeminiProChat."""
    codec = AIChatFreeServer(secret=settings.secret or "", password=settings.password, model=settings.model or "")
    return _recorded("/aichatfree", client, codec, settings)


def _recorded(prefix: str, client: Client, codec: SiteServer, settings: FrontConfig) -> Front:
    rows = (
        Row("POST", f"{prefix}/api/generate", ChatEndpoint(client, codec, clean=is_clean(client, settings, "clean"))),
        Row("POST", f"{prefix}/api/auth", Auth(codec)),
    )
    return Front(
        codec,
        rows,
        prefix=prefix,
        password=bool(settings.password),
        refused=site_auth.PASSWORD,
        no_method=NO_METHOD,
        no_path=NO_PATH,
    )


def aichatonline(client: Client, settings: FrontConfig) -> Front:
    """A front like AiChatOnline."""
    codec = AiChatOnlineServer(model=settings.model or "")
    prefix = "/aichatonline"
    chat = ChatEndpoint(client, codec, clean=is_clean(client, settings, "cut"))
    rows = (
        Row("GET", f"{prefix}/api/v1/user/getUniqueId", ImmediateEndpoint(lambda call: codec.unique_id(system_env()))),
        Row("POST", f"{prefix}/aichatonline/api/chat/gpt", chat),
    )
    return Front(codec, rows, prefix=prefix)


def cromicle(client: Client, settings: FrontConfig) -> Front:
    """A front like Cromicle."""
    codec = CromicleServer(model=settings.model or "")
    chat = ChatEndpoint(client, codec, clean=is_clean(client, settings, "cut"))
    return Front(codec, (Row("POST", "/cromicle/chat", chat),), prefix="/cromicle")


FRONTS: dict[str, Callable[[Client, FrontConfig], Front]] = {
    "aibn": aibn,
    "aichatfree": aichatfree,
    "aichatonline": aichatonline,
    "cromicle": cromicle,
}
"""Fronts by name: the first part of their paths, and their table in the configuration."""

GUARDED = frozenset({"aibn", "aichatfree"})
"""Those whose protocol has a secret and a password."""


def webchats(client: Client) -> tuple[Front, ...]:
    """All four fronts. Raises ConfigurationError, with a line for each whose settings are wrong."""
    flaws = [flaw for name, front in client.config.fronts.items() if (flaw := _flaw(client, name, front))]
    if flaws:
        raise ConfigurationError("\n".join(flaws))
    return tuple(make(client, client.config.fronts.get(name, FrontConfig())) for name, make in FRONTS.items())


def _flaw(client: Client, name: str, front: FrontConfig) -> str:
    """What is wrong with the settings of a front."""
    where = client.config.where
    if name not in FRONTS:
        return f"{where('fronts', name)}: there is no front {name!r}{nearest(name, FRONTS)}"
    if not (front.model or client.default_model):
        return f"{where('fronts', name)}: expected model, since no model is the default, got none"
    for key, value in (("secret", front.secret), ("password", front.password)):
        if value and name not in GUARDED:
            return f"{where('fronts', name, key)}: expected none, callers of {name} have none; use gateway.api_keys"
    try:
        client.handler(front.model or "")
    except ModelNotFoundError as exc:
        return f"{where('fronts', name, 'model')}: {exc.message}"
    return ""


WEBCHATS = FrontMaker(lambda context: webchats(context.client))
