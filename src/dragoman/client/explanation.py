"""What would become of a request, as values: its route, its targets, the bytes for the first one and the losses."""

from typing import Any, Literal

from msgspec import Struct
from msgspec.structs import asdict

from dragoman.errors import Attempt, DragomanError
from dragoman.protocols.base import ServerCodec
from dragoman.types import HttpRequest, Loss, ModelProfile

Carried = Literal["relayed", "translated", "own"]
"""`relayed`: the caller's bytes pass. `translated`: the request is decoded and encoded. `own`: the provider has no
protocol, and answers itself, as the offline models do."""


class ExplainedTarget(Struct, frozen=True):
    """A target of the plan."""

    name: str
    protocol: str
    """What its service speaks; empty if its settings are wrong."""
    carried: Carried
    """How the request would be carried to it."""


class Explanation(Struct, frozen=True, kw_only=True):
    """What would become of a request. None or empty: there is none, or it is not known because of `error`."""

    codec: ServerCodec | None = None
    """Of the front that was asked; None for a caller of the library."""
    path: str = ""
    model: str = ""
    """The name by which the model was asked for, or the default one's."""
    stream: bool = False
    route: str | None = None
    """The name in `[models]`; None if one target was asked for by its own name."""
    strategy: str | None = None
    """The route's."""
    sticky: bool = False
    """Whether a conversation stays at one target, as long as that is able."""
    policies: tuple[str, ...] = ()
    """Those of the route that read events: with any, nothing is relayed."""
    targets: tuple[ExplainedTarget, ...] = ()
    """All that the plan may ask, in the order of the route."""
    skipped: tuple[Attempt, ...] = ()
    """Targets before the one that is asked: nothing can be sent to them, and why."""
    target: str = ""
    """The one that is asked first."""
    carried: Carried | None = None
    """How the request is carried to it."""
    profile: ModelProfile = ModelProfile()
    """What is known of the family of its model. A relay passes as it is."""
    request: HttpRequest | None = None
    """What is sent to it first, without credentials, and without the headers that every transport adds."""
    more: bool = False
    """Whether that is a preliminary request, and the chat request comes after it."""
    losses: tuple[Loss, ...] = ()
    """What of the request the target does not get as it was asked."""
    error: DragomanError | None = None
    """What the caller would get, because nothing can be sent."""

    @property
    def protocol(self) -> str:
        """The caller's; empty for a caller of the library."""
        return "" if self.codec is None else self.codec.name


def plain(explanation: Explanation) -> dict[str, Any]:
    """`explanation` as values for JSON."""
    error, request = explanation.error, explanation.request
    return {
        "protocol": explanation.protocol or None,
        "path": explanation.path or None,
        "model": explanation.model or None,
        "stream": explanation.stream,
        "route": explanation.route,
        "strategy": explanation.strategy,
        "sticky": explanation.sticky,
        "policies": list(explanation.policies),
        "targets": [asdict(target) for target in explanation.targets],
        "skipped": [{"name": attempt.target, "code": attempt.code} for attempt in explanation.skipped],
        "target": explanation.target or None,
        "carried": explanation.carried,
        "profile": known_facts(explanation.profile),
        "request": None if request is None else _plain_request(request, more=explanation.more),
        "losses": [
            {"name": loss.name, "severity": loss.severity.name.lower(), "words": loss.words}
            for loss in explanation.losses
        ],
        "error": None if error is None else _plain_error(error, explanation.codec),
    }


def known_facts(profile: ModelProfile) -> dict[str, Any]:
    """What is known of a family."""
    return {name: value for name, value in asdict(profile).items() if value is not None}


def body_text(request: HttpRequest) -> str:
    """The body; bytes that are not UTF-8 as `\\xff`."""
    return request.body.decode("utf-8", "backslashreplace")


def _plain_request(request: HttpRequest, *, more: bool) -> dict[str, Any]:
    return {
        "method": request.method,
        "url": request.url,
        "headers": [list(field) for field in request.headers],
        "body": body_text(request),
        "more": more,
    }


def _plain_error(error: DragomanError, codec: ServerCodec | None) -> dict[str, Any]:
    """An error, with the status and the body that the front would answer."""
    answer = None if codec is None else codec.encode_error(error)
    return {
        "status": error.status if answer is None else answer.status,
        "code": error.code,
        "message": str(error),
        "param": error.param,
        "body": None if answer is None else answer.body.decode("utf-8", "backslashreplace"),
    }
