"""AiChatOnline: a chat site with a token for each visitor. Knows its hosts."""

from typing import TYPE_CHECKING, ClassVar

from dragoman.engine.env import get_random_string
from dragoman.engine.secrets import signed
from dragoman.engine.service import Service, fetch
from dragoman.errors import DragomanError
from dragoman.protocols.webchat.aichatonline import AiChatOnlineClient, decode_token
from dragoman.providers.base import AsyncGeneratorProvider
from dragoman.providers.models import ProviderModelMixin
from dragoman.transport.aiohttp import AiohttpTransport
from dragoman.transport.base import Route
from dragoman.transport.http.proxies import NONE, proxy_for

if TYPE_CHECKING:
    from aiohttp import ClientSession


class AiChatOnline(AsyncGeneratorProvider, ProviderModelMixin):
    """First a token, then the conversation as one text; the answer is lines of JSON."""

    generic = AiChatOnlineClient.name
    site_url: ClassVar[str] = "https://aichatonline.org"
    url = "https://aichatonlineorg.erweima.ai"
    api_endpoint: ClassVar[str] = "/aichatonline/api/chat/gpt"
    working = False
    default_model = "gpt-4o-mini"

    @classmethod
    def codec(cls) -> AiChatOnlineClient:
        return AiChatOnlineClient(url=cls.url, api_endpoint=cls.api_endpoint)

    @classmethod
    async def grab_token(cls, session: "ClientSession", proxy: str | None) -> str:
        """A new token, fetched with the caller's own session. Raises an error of the tree."""
        way = proxy_for(cls.url, proxy or cls.proxy or NONE)  # a session has its own
        codec, route = cls.codec(), Route(timeouts=cls.timeouts, proxy=way, ca_file=cls.ca_file)
        hidden = cls.secrets(cls.key(), route)
        transport, headers = AiohttpTransport(session=session), cls.sent_headers()
        service = Service(cls.__name__, codec, transport, route, secrets=hidden, headers=headers)
        try:
            return decode_token(await fetch(service, codec.token_request(get_random_string())))
        except DragomanError as exc:
            raise signed(exc, cls.__name__, hidden) from exc.__cause__
