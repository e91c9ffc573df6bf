"""The table of routes: what is answered where, and in which protocol's words. A new front is a line in FRONTS."""

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Mapping

from msgspec import Struct
from msgspec.structs import replace

from dragoman.client import Client
from dragoman.config import BrokenEnd, FrontConfig
from dragoman.engine.answer import Handler
from dragoman.engine.env import system_env
from dragoman.errors import AuthenticationError, ConfigurationError, ModelNotFoundError, nearest
from dragoman.gateway.answer import answer_stream, answer_whole
from dragoman.gateway.fronts.models import one_model, the_models
from dragoman.gateway.http.caller_base import Caller
from dragoman.protocols.base import ServerCodec
from dragoman.protocols.openai_chat import OpenAIChatServer
from dragoman.protocols.steering import check_steering
from dragoman.protocols.webchat import site_auth
from dragoman.protocols.webchat.aibn import AibnServer
from dragoman.protocols.webchat.aichatfree import AIChatFreeServer
from dragoman.protocols.webchat.aichatonline import AiChatOnlineServer
from dragoman.protocols.webchat.cromicle import CromicleServer
from dragoman.types import ChatRequest, ServerRequest, ServerResponse


class Endpoint(ABC):
    """What answers a request."""

    @abstractmethod
    async def __call__(self, call: ServerRequest, caller: Caller) -> None:
        """Answers. Raises what is wrong, as long as nothing has been sent."""


Routes = Mapping[str, Mapping[str, Endpoint]]
"""Path to method to endpoint; a path that ends with a slash stands for all below it."""

CHAT = "/v1/chat/completions"
MODELS = "/v1/models/"

LARGE = 256 << 10
"""Bytes of a body that is checked, decoded and encoded in turns of the loop of their own: a step takes up to twelve
milliseconds a MiB, in which nobody else is served."""

NO_METHOD = ServerResponse(status=404)
NO_PATH = ServerResponse(status=404, body=b"Not found")
"""What both recorded chat sites say to a method and to a path that they do not know."""


class Front(Struct, frozen=True):
    """A protocol's place among our paths. `codec` says its errors.

    `open`: no key is ever asked. `password`: the protocol's own may be shown in a key's place. `refused`: the code of
    a missing key, by which the protocol knows its own no. `no_method`, `no_path`: answers in its own words, if any.
    `json`: bodies that are said to be anything else are refused.
    """

    codec: ServerCodec
    routes: Routes
    open: bool = False
    password: bool = False
    refused: str | None = None
    no_method: ServerResponse | None = None
    no_path: ServerResponse | None = None
    json: bool = False

    def methods(self, path: str) -> Mapping[str, Endpoint]:
        """What is at `path`; nothing where nothing is."""
        if path.endswith("/"):
            return {}
        exact = self.routes.get(path)
        if exact is not None:
            return exact
        below = (at for at in self.routes if at.endswith("/") and path.startswith(at))
        return self.routes[at] if (at := next(below, None)) else {}


class Chat(Endpoint):
    """Answers questions in a protocol, with the models of a client.

    `clean`: an answer that broke off ends, once that was said, like a good one.
    """

    def __init__(self, client: Client, codec: ServerCodec, *, clean: bool) -> None:
        self.client = client
        self.codec = codec
        self.clean = clean

    async def __call__(self, call: ServerRequest, caller: Caller) -> None:
        await self.answer(await self.question(call), self.client.open, caller)

    async def question(self, call: ServerRequest) -> ChatRequest:
        """What `call` asks. Raises what is wrong with it."""
        if len(call.body) <= LARGE:
            return self.codec.decode_request(call)
        await others()  # to find out that this cannot be relayed, it was read too
        request = self.codec.decode_request(call)
        await others()
        return request

    async def answer(self, request: ChatRequest, handler: Handler, caller: Caller) -> None:
        """Answers `request` with what `handler` opens."""
        if not request.model:
            request = replace(request, model=self.client.default_model)
        caller.outcome.model = request.model
        check_steering(request.extra.get(self.codec.name, {}), self.client.allowed_fields(request.model))
        if request.stream:
            await answer_stream(handler, self.codec, request, caller, clean=self.clean)
        else:
            await answer_whole(handler, self.codec, request, caller)


async def others() -> None:
    """Lets others be served: what they have sent is read in one turn of the loop, and answered in the next."""
    await asyncio.sleep(0)
    await asyncio.sleep(0)


class ImmediateEndpoint(Endpoint):
    """Gives an answer for which nobody is asked."""

    def __init__(self, answer: Callable[[ServerRequest], ServerResponse]) -> None:
        self._answer = answer

    async def __call__(self, call: ServerRequest, caller: Caller) -> None:
        await caller.answer(self._answer(call))


class AwaitedEndpoint(Endpoint):
    """Gives an answer for which others are asked; they are left once the caller has."""

    def __init__(self, answer: Callable[[ServerRequest], Awaitable[ServerResponse]]) -> None:
        self._answer = answer

    async def __call__(self, call: ServerRequest, caller: Caller) -> None:
        async with caller:
            answer = await self._answer(call)
        await caller.answer(answer)


def openai(client: Client) -> Front:
    """OpenAI's API; whatever is nobody's is answered in its words too."""
    codec = OpenAIChatServer()
    chat = Chat(client, codec, clean=_is_clean(client, FrontConfig(), "clean"))
    since = int(system_env().now)
    return Front(
        codec,
        {
            CHAT: {"POST": chat},
            "/v1/models": {"GET": AwaitedEndpoint(lambda call: the_models(client, since))},
            MODELS: {"GET": ImmediateEndpoint(lambda call: one_model(client, call.path.removeprefix(MODELS), since))},
        },
        json=True,
    )


def aibn(client: Client, settings: FrontConfig) -> Front:
    """A chatgpt-demo."""
    codec = AibnServer(secret=settings.secret or "", password=settings.password, model=settings.model or "")
    return _recorded("/aibn", client, codec, codec.auth, settings)


def aichatfree(client: Client, settings: FrontConfig) -> Front:
    """A GeminiProChat."""
    codec = AIChatFreeServer(secret=settings.secret or "", password=settings.password, model=settings.model or "")
    return _recorded("/aichatfree", client, codec, codec.auth, settings)


def _recorded(
    prefix: str,
    client: Client,
    codec: ServerCodec,
    auth: Callable[[ServerRequest], ServerResponse],
    settings: FrontConfig,
) -> Front:
    return Front(
        codec,
        {
            f"{prefix}/api/generate": {"POST": Chat(client, codec, clean=_is_clean(client, settings, "clean"))},
            f"{prefix}/api/auth": {"POST": ImmediateEndpoint(auth)},
        },
        password=bool(settings.password),
        refused=site_auth.PASSWORD,
        no_method=NO_METHOD,
        no_path=NO_PATH,
    )


def aichatonline(client: Client, settings: FrontConfig) -> Front:
    """An AiChatOnline."""
    codec = AiChatOnlineServer(model=settings.model or "")
    chat = Chat(client, codec, clean=_is_clean(client, settings, "cut"))
    return Front(
        codec,
        {
            "/aichatonline/api/v1/user/getUniqueId": {
                "GET": ImmediateEndpoint(lambda call: codec.unique_id(system_env()))
            },
            "/aichatonline/aichatonline/api/chat/gpt": {"POST": chat},
        },
    )


def cromicle(client: Client, settings: FrontConfig) -> Front:
    """A Cromicle."""
    codec = CromicleServer(model=settings.model or "")
    return Front(codec, {"/cromicle/chat": {"POST": Chat(client, codec, clean=_is_clean(client, settings, "cut"))}})


def _is_clean(client: Client, settings: FrontConfig, default: BrokenEnd) -> bool:
    return (settings.broken_end or client.config.gateway.broken_end or default) == "clean"


FRONTS: dict[str, Callable[[Client, FrontConfig], Front]] = {
    "aibn": aibn,
    "aichatfree": aichatfree,
    "aichatonline": aichatonline,
    "cromicle": cromicle,
}
"""Fronts by name: the first part of their paths, and their table in the configuration."""


class Fronts:
    """All fronts of one gateway; `health` is one of them. A caller who has shown a key is not asked for a password."""

    def __init__(self, client: Client, health: Routes) -> None:
        flaws = [flaw for name, front in client.config.fronts.items() if (flaw := _flaw(client, name, front))]
        if flaws:
            raise ConfigurationError("\n".join(flaws))
        settings = {name: client.config.fronts.get(name, FrontConfig()) for name in FRONTS}
        self._rest = openai(client)
        self._named = {name: make(client, settings[name]) for name, make in FRONTS.items()}
        self._named["health"] = Front(self._rest.codec, health, open=True)
        self._keyed = {name: make(client, replace(settings[name], password=None)) for name, make in FRONTS.items()}

    def served(self) -> dict[str, str]:
        """Every path, to the first of its methods."""
        routes = [front.routes for front in (self._rest, *self._named.values())]
        return {path: next(iter(methods)) for each in routes for path, methods in each.items() if path != MODELS}

    def at(self, path: str) -> Front:
        """The front that answers for `path`."""
        return self._named.get(_first(path), self._rest)

    def keyed(self, path: str) -> Front:
        """The same for a caller who has shown a key."""
        return self._keyed.get(_first(path)) or self.at(path)


def _flaw(client: Client, name: str, front: FrontConfig) -> str:
    """What is wrong with the settings of a front."""
    where = client.config.where
    if name not in FRONTS:
        return f"{where('fronts', name)}: there is no front {name!r}{nearest(name, FRONTS)}"
    if not (front.model or client.default_model):
        return f"{where('fronts', name)}: expected model, since no model is the default, got none"
    try:
        client.handler(front.model or "")
    except ModelNotFoundError as exc:
        return f"{where('fronts', name, 'model')}: {exc.message}"
    return ""


def _first(path: str) -> str:
    return path[1:].partition("/")[0]


def refusal(front: Front, error: AuthenticationError) -> AuthenticationError:
    """`error` under the code by which the front's protocol knows its own no."""
    return AuthenticationError(error.message, code=front.refused)
