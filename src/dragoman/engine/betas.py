"""A service that refuses betas of a caller is asked once more, without them; see `protocols.betas`."""

from collections.abc import Awaitable, Callable
from typing import TypeVar

from msgspec.structs import replace

from dragoman.engine.service import Service
from dragoman.errors import DragomanError
from dragoman.protocols.betas import remaining, replaced, sent, untaken
from dragoman.types import HttpRequest, Loss

T = TypeVar("T")
Ask = Callable[[HttpRequest, tuple[Loss, ...]], Awaitable[T]]
"""Sends a request, of which this is lost. Raises what a service answers in place of the answer."""


async def with_taken_betas(service: Service, asked: str, message: HttpRequest, ask: Ask[T]) -> T:
    """What `ask` returns for `message`, whose betas are those that the service takes. `asked`: what it is asked for.

    `strict` allows no such loss.
    """
    field, known = service.codec.beta_field, service.refused
    betas = "" if service.strict else sent(message.headers, field)
    if not betas:
        return await ask(message, ())
    taken = known.taken(service.name, asked, betas)

    def with_betas(taken: str) -> Awaitable[T]:
        fewer = message if taken == betas else replace(message, headers=replaced(message.headers, field, taken))
        return ask(fewer, untaken(betas, field, taken))

    try:
        return await with_betas(taken)
    except DragomanError as exc:
        rest = remaining(taken, field, exc)
        if rest is None:
            raise
    answer = await with_betas(rest)
    known.learn(service.name, asked, betas, rest)
    return answer
