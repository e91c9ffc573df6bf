"""Azure's paths, which name a deployment: it is the model, and what a body says of the model is not heeded.

https://learn.microsoft.com/azure/ai-foundry/openai/reference. The vendor's SDKs repeat the deployment in the body, or
say the name of the model that they believe to be behind it, or nothing.
"""

from msgspec.structs import replace

from dragoman.protocols.openai_chat.completions import OpenAICompletionsServer
from dragoman.protocols.openai_chat.completions_relay import COMPLETIONS_READER
from dragoman.protocols.openai_chat.embeddings import OpenAIEmbedServer
from dragoman.protocols.openai_chat.relay import READER, ChatRelayRequest
from dragoman.protocols.openai_chat.server import OpenAIChatServer
from dragoman.protocols.relay import RelayReader
from dragoman.protocols.relay_body import BodyReader
from dragoman.types import ChatRequest, EmbedRequest, ServerRequest
from dragoman.wire.steps import Steps

DEPLOYMENTS = "/openai/deployments/"
CHAT, COMPLETIONS, EMBEDDINGS = "/chat/completions", "/completions", "/embeddings"


def deployment(call: ServerRequest, operation: str) -> str:
    """The deployment in a path that ends with `operation`; empty if none is named. Its name may hold slashes."""
    return call.path.removeprefix(DEPLOYMENTS).removesuffix(operation)


class DeploymentReader(RelayReader):
    """Reads requests to be relayed whose model is in the path."""

    def __init__(self, bodies: BodyReader[ChatRelayRequest], operation: str) -> None:
        self._bodies = bodies
        self._operation = operation

    def at_once(self, call: ServerRequest) -> ChatRelayRequest | None:
        return self._named(self._bodies.at_once(call), call)

    def in_steps(self, call: ServerRequest) -> Steps[ChatRelayRequest | None]:
        return self._named((yield from self._bodies.in_steps(call)), call)

    def _named(self, found: ChatRelayRequest | None, call: ServerRequest) -> ChatRelayRequest | None:
        model = deployment(call, self._operation)
        if found is None or found.model == model:
            return found
        return replace(found, model=model, text=b"")  # in the text stands another name, or none


class DeployedChatServer(OpenAIChatServer):
    """Answers `POST /openai/deployments/M/chat/completions`."""

    reader = DeploymentReader(READER, CHAT)

    def decode_request(self, call: ServerRequest, *, key_shown: bool = False) -> ChatRequest:
        return replace(super().decode_request(call, key_shown=key_shown), model=deployment(call, CHAT))


class DeployedCompletionsServer(OpenAICompletionsServer):
    """Answers `POST /openai/deployments/M/completions`."""

    reader = DeploymentReader(COMPLETIONS_READER, COMPLETIONS)

    def decode_request(self, call: ServerRequest, *, key_shown: bool = False) -> ChatRequest:
        return replace(super().decode_request(call, key_shown=key_shown), model=deployment(call, COMPLETIONS))


class DeployedEmbedServer(OpenAIEmbedServer):
    """Answers `POST /openai/deployments/M/embeddings`."""

    def decode_request(self, call: ServerRequest) -> EmbedRequest:
        return replace(super().decode_request(call), model=deployment(call, EMBEDDINGS))
