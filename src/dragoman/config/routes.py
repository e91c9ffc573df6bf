"""The settings of routes: their targets, and the policies. Knows no file and no environment."""

from msgspec import Struct

from dragoman.config.timeouts import TimeoutsConfig


class TargetConfig(Struct, frozen=True, kw_only=True):
    """A target of a route, with what the route says of it."""

    model: str
    """A model as PROVIDER/MODEL, or another route."""
    weight: float = 1.0
    """How often it is chosen, in proportion to the others, by `weighted` and `least-busy`; 0: only after all others."""
    max_parallel: int | None = None
    """Requests to it at the same time, from each worker; None: any number."""
    price: float | None = None
    """What a million tokens cost, in any currency: for `cheapest`."""
    context: int | None = None
    """Tokens that it holds: a request that was too long for another target is sent to it only if it holds more."""
    timeouts: TimeoutsConfig = TimeoutsConfig()
    """Its timeouts, with the names of the service's. Of each, the shortest that the target, the route or the service
    says holds."""


class RetryConfig(Struct, frozen=True, kw_only=True):
    """How often a request is sent, as long as no content has come."""

    attempts: int = 1
    """To one target. After a failure that may pass by itself it is asked again: after the wait that it named, else a
    random one of up to 0.5, 1, 2, … 8 seconds. If another target can be asked at once, only waits of up to a second are
    made. The default is 1, because callers repeat requests themselves."""
    calls: int = 4
    """To all targets together, whatever happens: so that one request never becomes many."""
    after_send: bool = True
    """Whether a request is sent again, to the same target or another one, although a service may have worked on it: the
    connection broke after it was sent, the answer came too late or was no good, or the status is 500 or more, except
    503 and 529. It may then be charged twice. On by default, because nothing of an answer has gone out; switch it off
    if a service acts by itself, with tools of its own."""
    fallback_on_400: bool = False
    """Whether the next target is asked after a service has refused a request as wrong (400, 422). Off by default,
    because most often each one would refuse it, and callers must know soon; switch it on if a service knows less than
    the others."""


class ModelConfig(Struct, frozen=True, kw_only=True):
    """A route: models of one or more services under one name that callers use."""

    targets: tuple[str | TargetConfig, ...]
    """The models, each as PROVIDER/MODEL or as the name of another route; or as a table with `model` and what the route
    says of it: `weight` (how often it is chosen, in proportion to the others; 1 if it is not set, 0: only after all
    others), `max_parallel` (requests to it at the same time, from each worker), `price` (of a million tokens, in any
    currency), `context` (tokens that it holds: a request that was too long for another target is sent to it only if it
    holds more) and `timeouts` (those of this target; of each, the shortest that the target, the route or the service
    says holds)."""
    strategy: str = "fallback"
    """In which order the targets are asked, until one has content: `fallback` (as they stand), `weighted` (by lot),
    `least-busy` (with the fewest requests under way for its weight), `latency` (the one of two random ones that brings
    content sooner) or `cheapest`. A target that rests, or is known to be broken, is left out."""
    retry: RetryConfig = RetryConfig()
    timeouts: TimeoutsConfig = TimeoutsConfig()
    sticky: bool = False
    """Whether a conversation stays at the target that answered it last, as long as that is able, because its prompt is
    in the cache there; what is drawn is drawn by the conversation. Off by default: it costs a look at each request, and
    many requests of one conversation then go to one target."""
    continues: bool = False
    """Whether an answer that breaks off after text is continued by the next target, from the text so far, if its model
    is known to take the beginning of an answer (`prefill` of its profile). Of an answer with a tool call, or in a
    given form, nothing is continued. All requests of such a route are translated. The default is false, because an
    answer of two models is not what most callers expect."""
    hedge: bool | float = False
    """Whether a second target is asked if the first one has brought no content in the time in which 95 of the last 100
    requests had some; the slower one of the two is given up. That time is known after 20 requests: until then a
    number, in seconds, is used in its place, and with true nothing is hedged. All requests of such a route are
    translated. The default is false, because about one request in twenty is then paid twice."""

    def entries(self) -> tuple[TargetConfig, ...]:
        """The targets with the settings of each; one that is only named has the defaults."""
        return tuple(TargetConfig(model=each) if isinstance(each, str) else each for each in self.targets)
