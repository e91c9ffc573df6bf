"""Every dialect by its name: the one file that knows them all. Knows no provider, and no front."""

from collections.abc import Mapping

from msgspec import Struct

from dragoman.protocols.anthropic.client import AnthropicClient
from dragoman.protocols.anthropic.relay import AnthropicRelay
from dragoman.protocols.anthropic.server import AnthropicServer
from dragoman.protocols.base import ClientCodec, ServerCodec
from dragoman.protocols.gemini.client import GeminiClient
from dragoman.protocols.gemini.relay import GeminiRelay
from dragoman.protocols.gemini.server import GeminiServer
from dragoman.protocols.ollama.client import OllamaClient
from dragoman.protocols.ollama.relay import OllamaRelay
from dragoman.protocols.ollama.server import OllamaServer
from dragoman.protocols.openai_chat.client import OpenAIChatClient
from dragoman.protocols.openai_chat.relay import ChatRelay
from dragoman.protocols.openai_chat.server import OpenAIChatServer
from dragoman.protocols.openai_responses.client import OpenAIResponsesClient
from dragoman.protocols.openai_responses.relay import ResponsesRelay
from dragoman.protocols.openai_responses.server import OpenAIResponsesServer
from dragoman.protocols.relay import RelayCodec
from dragoman.protocols.webchat.aibn import AibnClient, AibnServer
from dragoman.protocols.webchat.aichatfree import AIChatFreeClient, AIChatFreeServer
from dragoman.protocols.webchat.aichatonline import AiChatOnlineClient, AiChatOnlineServer
from dragoman.protocols.webchat.cromicle import CromicleClient, CromicleServer

SIGNED = "each request is signed with the site's own secret, so it must be written again for another site"
TOKEN_FIRST = "the service names its caller by a token, which must be asked for before each request"  # noqa: S105  # prose
TEXT_ALONE = "an answer is text and nothing else, which a translation keeps byte by byte"


class Dialect(Struct, frozen=True):
    """A protocol: the class that calls a service, the class that a program calls, and the class that relays."""

    client: type[ClientCodec]
    server: type[ServerCodec]
    relay: type[RelayCodec] | None = None
    """None if requests of this protocol are always translated."""
    no_relay: str = ""
    """Why it has no relay; empty if it has one."""


DIALECTS: Mapping[str, Dialect] = {
    OpenAIChatClient.name: Dialect(OpenAIChatClient, OpenAIChatServer, ChatRelay),
    AnthropicClient.name: Dialect(AnthropicClient, AnthropicServer, AnthropicRelay),
    GeminiClient.name: Dialect(GeminiClient, GeminiServer, GeminiRelay),
    OllamaClient.name: Dialect(OllamaClient, OllamaServer, OllamaRelay),
    OpenAIResponsesClient.name: Dialect(OpenAIResponsesClient, OpenAIResponsesServer, ResponsesRelay),
    AibnClient.name: Dialect(AibnClient, AibnServer, no_relay=SIGNED),
    AIChatFreeClient.name: Dialect(AIChatFreeClient, AIChatFreeServer, no_relay=SIGNED),
    AiChatOnlineClient.name: Dialect(AiChatOnlineClient, AiChatOnlineServer, no_relay=TOKEN_FIRST),
    CromicleClient.name: Dialect(CromicleClient, CromicleServer, no_relay=TEXT_ALONE),
}
"""Name to dialect. The name is used in a configuration (`protocol = …`), and as the key of the dialect's `extra`."""
