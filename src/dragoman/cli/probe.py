"""One service tried: a short question, and how long each part of the answer took."""

import asyncio
from collections.abc import Sequence
from time import perf_counter

from msgspec import Struct

from dragoman.cli.complaints import reason
from dragoman.cli.first_configuration import below, first_chat_model
from dragoman.cli.remedies import remedy
from dragoman.cli.terminal.spinner import Waiting
from dragoman.client import Client
from dragoman.errors import ConfigurationError, DragomanError, RequestError, UpstreamError
from dragoman.providers.catalogue import Provider
from dragoman.providers.models import ProviderModelMixin
from dragoman.transport.http.target import parse_proxy
from dragoman.types import ChatRequest, PartDelta, PartStart, Refusal, StreamEvent, Text, user

QUESTION = "Reply with the single word OK."


class Checkup(Struct, frozen=True, kw_only=True):
    """What was found. Seconds count from the start; None: it did not come. `problem` is None if all is well.

    `status` is what the gateway would answer with. `reachable` is None if a wrong setting kept it from being tried.
    """

    provider: str
    model: str
    url: str | None
    proxy: str | None
    reachable: bool | None
    first_text: float | None = None
    whole: float | None = None
    error: str | None = None
    status: int | None = None
    retry_after: float | None = None
    problem: str | None = None
    remedy: str | None = None


async def check_providers(client: Client, names: Sequence[str], patience: float) -> list[Checkup]:
    """All of them at the same time."""
    waiting = Waiting(f"asking {', '.join(names)}")
    waiting.start()
    try:
        models = await _models(client, names)
        return await asyncio.gather(*(check_provider(client, name, models[name], patience) for name in names))
    finally:
        waiting.stop()


async def check_provider(client: Client, provider: str, model: str, patience: float) -> Checkup:
    """Asks `model` of `provider` something and waits for the whole answer, `patience` seconds at most."""
    service = client.providers[provider]
    trial = Probe(client, ChatRequest(model=f"{provider}/{model}", messages=(user(QUESTION),)))
    error: DragomanError | None = None
    problem = advice = None
    try:
        async with asyncio.timeout(patience):
            await trial.run()
    except DragomanError as exc:
        error, problem, advice = exc, reason(exc), remedy(exc)
    except TimeoutError:
        problem = f"no whole answer within {patience:g} s"
        advice = "Wait longer with --timeout, or look whether it is overloaded or still loads the model."
    if problem is None and trial.first_text is None:
        problem, advice = "the answer holds no text", "Name a model that chats (`default_model`)."
    if problem is not None and not model and issubclass(service, ProviderModelMixin):
        advice = f"No model of it is known to try: name one with `default_model`. {advice}"
    return Checkup(
        provider=provider,
        model=model,
        url=service.url or None,
        proxy=_proxy(service),
        reachable=_reachable(trial, error),
        first_text=trial.first_text,
        whole=trial.whole,
        error=type(error).__name__ if error else None,
        status=error.status if error else None,
        retry_after=error.retry_after if error else None,
        problem=problem,
        remedy=advice if problem else None,
    )


class Probe:
    """A question under way, and what is known of its answer."""

    def __init__(self, client: Client, request: ChatRequest) -> None:
        self.reached = False
        self.first_text: float | None = None
        self.whole: float | None = None
        self._client = client
        self._request = request
        self._shown = False

    async def run(self) -> None:
        """Asks, and reads to the end. Raises what is wrong."""
        began = perf_counter()
        answer = await self._client.open(self._request)
        try:
            self.reached = True
            while events := await answer.read():
                if self.first_text is None and self._has_text(events):
                    self.first_text = perf_counter() - began
            self.whole = perf_counter() - began
        finally:
            answer.close()

    def _has_text(self, events: list[StreamEvent]) -> bool:
        for event in events:
            match event:
                case PartStart(part):
                    self._shown = isinstance(part, Text | Refusal)
                case PartDelta(text) if text and self._shown:
                    return True
        return False


def _proxy(service: Provider) -> str | None:
    """The proxy on the way there, without its password."""
    try:
        proxy = service.route().proxy
        return parse_proxy(proxy).name if proxy else None
    except DragomanError:
        return None  # the request failed for the same reason, and its error says more


def _reachable(trial: Probe, error: DragomanError | None) -> bool | None:
    if isinstance(error, ConfigurationError):
        return None
    return trial.reached or isinstance(error, UpstreamError | RequestError)


async def _models(client: Client, names: Sequence[str]) -> dict[str, str]:
    """The model to try of each service; a service of which none is known is asked which it has."""
    models = {name: _known_model(client, name) for name in names}
    if unknown := [name for name, model in models.items() if not model]:
        listed = await client.list_models(*unknown)
        models |= {name: first_chat_model(below(listed, name), "") for name in unknown}
    return models


def _known_model(client: Client, name: str) -> str:
    """The default, else the first known one, else one that a route names, else empty."""
    service = client.providers[name]
    known: list[str] = []
    if issubclass(service, ProviderModelMixin):
        known = [service.default_model, *service.get_models()]
    for route in client.config.models.values():
        known += below([target.model for target in route.entries()], name)
    return next(filter(None, known), "")
