"""A request to a service that is written and not sent: its bytes, and what they cannot carry. Shows no credential.

No credential is shown because none is put in: who makes a draft gives a codec and a key in which each credential is
HIDDEN (`hiding`). To search the bytes for credentials afterwards would not do. Most of the bytes are the caller's own,
and what is struck out of them would tell the caller which of their words are part of a key.
"""

from collections.abc import Mapping
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from dragoman.engine.question import question
from dragoman.engine.secrets import RUN, Secrets, signed
from dragoman.errors import DragomanError
from dragoman.protocols.base import ClientCodec, Preliminaries
from dragoman.protocols.env import Env
from dragoman.protocols.losses import refuse
from dragoman.protocols.relay import RelayCodec, RelayRequest
from dragoman.transport.http.target import head, parse
from dragoman.transport.replay.redaction import is_credential
from dragoman.types import ChatRequest, Headers, HttpRequest, Loss
from dragoman.types.http import without

HIDDEN = "***"
"""What stands in place of a credential. ASCII, because a codec may put it into a header or encode it."""

NOTHING_KNOWN = Secrets()


class Draft(Struct, frozen=True):
    """What would be sent."""

    request: HttpRequest | None = None
    """None if it cannot be written (`error`), or if the provider answers without a codec."""
    more: bool = False
    """Whether it is a preliminary request: the chat request, which needs its reply, comes after it."""
    losses: tuple[Loss, ...] = ()
    """What of the question a translation does not carry; of a relayed one nothing is lost."""
    error: DragomanError | None = None
    """Why nothing would be sent."""


def draft(
    name: str, codec: ClientCodec, request: ChatRequest, env: Env, *, headers: Headers = (), strict: bool
) -> Draft:
    """The translation of `request` for the service `name`; see `engine.call.open_answer`, which sends it.

    `headers`: see Service.
    """
    lost: tuple[Loss, ...] = ()
    try:
        asked = question(codec.vouched(request), codec, env.profile)
        lost = asked.losses
        refuse(lost, name, strict=strict)
        message, more = _first(codec.encode_request(codec.fit(asked.request, env.profile), env))
        return Draft(_sendable(message.with_headers(headers, codec.lists)), more, lost)
    except DragomanError as exc:
        return failed(name, exc, lost)


def relay_draft(
    name: str,
    relay: RelayCodec,
    request: RelayRequest,
    model: str,
    key: str | None,
    *,
    headers: Headers = (),
    replaced: frozenset[str] = frozenset(),
) -> Draft:
    """The relayed `request` for the service `name`, which knows the model as `model`; see `engine.relay.Relay`.

    `headers`: see Service. `replaced`: see RelayTarget.
    """
    try:
        message = relay.head_for(key, model, request).with_headers(headers)
        fields = (*message.headers, *without(request.headers, replaced))
        body = request.body_for(model, relay)
        return Draft(_sendable(replace(message, headers=fields, body=body)))
    except DragomanError as exc:
        return failed(name, exc)


def failed(name: str, error: DragomanError, lost: tuple[Loss, ...] = ()) -> Draft:
    """The draft for the service `name` that could not be made."""
    return Draft(losses=lost, error=signed(error, name, NOTHING_KNOWN))


def hiding(value: Any, hidden: Secrets) -> Any:
    """A setting, with HIDDEN for each credential in it. Short ones are found only if they are a whole text."""
    match value:
        case str():
            for secret in sorted(hidden.values, key=len, reverse=True):
                if value == secret or len(secret) >= RUN:
                    value = value.replace(secret, HIDDEN)
            return value
        case list():
            return [hiding(each, hidden) for each in value]
        case tuple():
            return tuple(hiding(each, hidden) for each in value)
        case Mapping():
            return {name: hiding(each, hidden) for name, each in value.items()}
        case _:
            return value


def _first(message: HttpRequest | Preliminaries) -> tuple[HttpRequest, bool]:
    """The request that is sent first, and whether another follows it."""
    if isinstance(message, HttpRequest):
        return message, False
    try:
        return next(message), True
    except StopIteration as stop:
        request: HttpRequest = stop.value
        return request, False
    finally:
        message.close()


def _sendable(request: HttpRequest) -> HttpRequest:
    """`request`, without credentials that a codec has from elsewhere. Raises what the transport would raise for it."""
    head(request, parse(request.url))
    return replace(request, headers=tuple((name, _shown(name, value)) for name, value in request.headers))


def _shown(name: str, value: str) -> str:
    """A header's value; of a credential only the scheme."""
    if not is_credential(name):
        return value
    scheme, gap, _ = value.partition(" ")
    return f"{scheme} {HIDDEN}" if gap and name.lower().endswith("authorization") else HIDDEN
