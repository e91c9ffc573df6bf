"""Finds out what would become of a request.

It follows the code that carries requests, up to the moment at which that would send. Nobody is called.
"""

from collections.abc import Awaitable, Callable, Coroutine
from contextlib import suppress
from functools import cache, partial
from typing import Any, TypeVar

from msgspec import Struct
from msgspec.structs import replace

from dragoman.client.client import Client
from dragoman.client.explanation import Carried, ExplainedTarget, Explanation
from dragoman.engine.draft import Draft
from dragoman.errors import Attempt, DragomanError
from dragoman.protocols.base import ServerCodec
from dragoman.protocols.relay import RelayRequest
from dragoman.protocols.steering import check_steering
from dragoman.providers.catalogue import Provider
from dragoman.routing.attempts import chat_info
from dragoman.routing.conversation import conversation_in
from dragoman.routing.plan import Plan, RequestInfo, Target
from dragoman.types import ChatRequest, Identity, ServerRequest
from dragoman.wire.steps import done

T = TypeVar("T")

Do = Callable[..., Awaitable[Any]]
"""Calls a function with the arguments after it. Such work takes long and reads nothing but the request, so a thread
may do it."""


class Asked(Struct, frozen=True):
    """A caller's request to a front."""

    call: ServerRequest
    codec: ServerCodec
    """The front's."""
    key_shown: bool = False
    """Whether a key of the gateway was shown; see `ServerCodec.decode_request`."""
    model: str = ""
    """The model to ask in place of the one that the request names; empty for that one."""
    identity: Identity = Identity()
    """Who asks: a sticky route looks at that too."""


def explain_call(client: Client, asked: Asked, now: float) -> Explanation:
    """What the gateway would do with a caller's request at `now`, a monotonic time in seconds."""
    return at_once(explaining(client, asked, now, here))


async def here(work: Callable[..., T], *args: Any) -> T:
    """The `Do` of those who may wait."""
    return work(*args)


def at_once(explanation: Coroutine[None, None, Explanation]) -> Explanation:
    """The result of a coroutine that does all its work here, and so waits for nothing."""
    try:
        explanation.send(None)
    except StopIteration as end:
        found: Explanation = end.value
        return found
    raise RuntimeError("it waits for something")


async def explaining(client: Client, asked: Asked, now: float, do: Do) -> Explanation:
    """The same as `explain_call`, with the long work done by `do`."""
    found = Explanation(codec=asked.codec, path=asked.call.path, model=asked.model)
    relayed, way = await do(_read_relayed, asked), None
    question = cache(partial(_decoded, client, asked))
    if relayed is not None:
        with suppress(DragomanError):  # if the request itself is wrong, that is the error: it is decoded to find out
            model = asked.model or relayed.model
            plan = client.plan(model)
            info = RequestInfo(
                model,
                asked.codec.relay_name or asked.codec.name,
                relayed.stream,
                await do(_conversation, client, asked, plan, model),
            )
            way = _Way(client, plan, info, now, relayed)
    try:
        if way is None or not way.relays:
            request = await do(question)
            found = replace(found, model=request.model, stream=request.stream)
            check_steering(_steerable(request, found.protocol), client.allowed_fields(request.model))
            plan = client.plan(request.model)
            conversation = await do(_conversation, client, asked, plan, request.model)
            info = chat_info(plan, request, conversation)
            way = _Way(client, plan, replace(info, protocol=asked.codec.relay_name or asked.codec.name), now, relayed)
        return await way.explanation(found, question, do)
    except DragomanError as exc:
        return replace(found, error=exc)


def explain_chat(client: Client, request: ChatRequest, now: float) -> Explanation:
    """The same for a request of the library's own callers, which is always translated."""
    request = replace(request, model=request.model or client.default_model)
    found = Explanation(model=request.model, stream=request.stream)
    try:
        plan = client.plan(request.model)
        way = _Way(client, plan, chat_info(plan, request), now)
    except DragomanError as exc:
        return replace(found, error=exc)
    return at_once(way.explanation(found, lambda: request, here))


class _Way(Struct, frozen=True):
    """The way of one request: from one target of its plan to the next, until there is one that can be asked."""

    client: Client
    plan: Plan
    info: RequestInfo
    now: float
    relayed: RelayRequest | None = None
    """The request, if it may be relayed."""

    @property
    def relays(self) -> bool:
        """Whether it may be relayed to any target."""
        return any(self.carried(target) == "relayed" for target in self.plan.targets)

    def provider(self, target: Target) -> Provider:
        """The provider of `target`."""
        return self.client.providers[target.name.partition("/")[0]]

    def carried(self, target: Target) -> Carried:
        """How the request would be carried to `target`."""
        if self.provider(target).has_own_way():
            return "own"
        if self.plan.policies:
            return "translated"
        try:
            if self.relayed is None or target.relay(self.info.protocol, self.relayed) is None:
                return "translated"
            return "relayed"
        except DragomanError:
            return "translated"  # its settings are wrong, which the translation says

    def draft(self, target: Target, question: Callable[[], ChatRequest]) -> Draft:
        """What `target` would be sent. `question`: the request decoded; raises what is wrong with it."""
        provider = self.provider(target)
        if self.relayed is not None and self.carried(target) == "relayed":
            return provider.relay_draft(self.info.protocol, self.relayed, target.model)
        return provider.draft(replace(question(), model=target.model))

    async def explanation(self, found: Explanation, question: Callable[[], ChatRequest], do: Do) -> Explanation:
        """`found`, and what is found on the way."""
        model = self.info.model or self.client.default_model
        route = self.client.config.models.get(model)
        found = replace(
            found,
            model=model,
            stream=self.info.stream,
            route=None if route is None else model,
            strategy=None if route is None else route.strategy,
            sticky=self.plan.sticky,
            policies=self.plan.policies,
            targets=tuple(
                ExplainedTarget(each.name, _protocol(self.provider(each)), self.carried(each))
                for each in self.plan.targets
            ),
        )
        try:
            course = self.plan.preview(self.info, self.now)
        except DragomanError as exc:  # none of them can be asked now
            return replace(found, error=exc)
        skipped: list[Attempt] = []
        target = course.target
        drafted = await do(self.draft, target, question)
        while drafted.error is not None and course.after(drafted.error, self.now) is not None:
            skipped.append(drafted.error.attempt(target.name))
            target = course.target
            drafted = await do(self.draft, target, question)
        return replace(
            found,
            skipped=tuple(skipped),
            target=target.name,
            carried=self.carried(target),
            profile=self.provider(target).families.profile_of(target.model),
            request=drafted.request,
            more=drafted.more,
            losses=drafted.losses,
            error=drafted.error,
        )


def _read_relayed(asked: Asked) -> RelayRequest | None:
    """The request as a relay reads it; None if it cannot be relayed. If it is wrong, decoding it says how."""
    try:
        return asked.codec.reader.at_once(asked.call)
    except DragomanError:
        return None


def _decoded(client: Client, asked: Asked) -> ChatRequest:
    """The request as a translation reads it. Raises what is wrong with it."""
    request = asked.codec.decode_request(asked.call, key_shown=asked.key_shown)
    return replace(request, model=asked.model or request.model or client.default_model)


def _conversation(client: Client, asked: Asked, plan: Plan, model: str) -> bytes | None:
    """The conversation to which the request for `model` belongs; None if its plan does not want to know."""
    if not plan.sticky:
        return None
    return done(conversation_in(asked.codec, asked.call, asked.identity, model or client.default_model))


def _steerable(request: ChatRequest, protocol: str) -> dict[str, Any]:
    """The fields that might steer a service that is a gateway."""
    return {"metadata": request.metadata or {}} | request.extra.get(protocol, {})


def _protocol(provider: Provider) -> str:
    try:
        return provider.protocol_name()
    except DragomanError:
        return ""
