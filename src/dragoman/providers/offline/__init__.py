"""Models that need no network and no key: `eliza` talks, `echo` repeats, `script` follows directives."""

from dragoman.engine.answer import Answer
from dragoman.engine.compaction import Summarised, compacting
from dragoman.engine.draft import Draft
from dragoman.errors import DragomanError
from dragoman.providers.base import AsyncGeneratorProvider
from dragoman.providers.models import ProviderModelMixin
from dragoman.providers.offline.answers import MODELS, PROTOCOL, offline_losses, open_offline
from dragoman.providers.offline.embeddings import embed_words
from dragoman.providers.offline.turns import heard
from dragoman.transport.base import Route
from dragoman.transport.selector import Transports
from dragoman.types import ChatRequest, EmbedRequest, EmbedResponse, Loss, TokenCount


class Offline(AsyncGeneratorProvider, ProviderModelMixin):
    """`eliza` listens, `echo` repeats, `script` obeys its directives: see `dragoman.providers.offline.script`."""

    supports_message_history = True
    default_model = "eliza"
    models = MODELS

    @classmethod
    async def open(cls, request: ChatRequest, transports: Transports, route: Route | None = None) -> Answer:
        asked, emulated = compacting(request)
        answer = await open_offline(request.model, asked)
        return Summarised(answer, emulated) if emulated else answer

    @classmethod
    def draft(cls, request: ChatRequest) -> Draft:
        try:
            return Draft(losses=offline_losses(request.model, request))
        except DragomanError as exc:
            return Draft(error=exc)

    @classmethod
    async def embed(cls, request: EmbedRequest, transports: Transports) -> tuple[EmbedResponse, tuple[Loss, ...]]:
        return embed_words(request), ()

    @classmethod
    async def count_tokens(cls, request: ChatRequest, transports: Transports) -> TokenCount:
        return TokenCount(heard(request))

    @classmethod
    def model_name(cls, model: str) -> str:
        return cls.get_model(model)

    @classmethod
    def protocol_name(cls) -> str:
        return PROTOCOL
