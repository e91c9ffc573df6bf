"""What to do about an error, in plain words. Knows classes of errors, and no service."""

from collections.abc import Mapping

from dragoman.errors import (
    AuthenticationError,
    BadEventError,
    ConfigurationError,
    ConnectError,
    ContentFilterError,
    ContextLengthError,
    DragomanError,
    EndpointNotFoundError,
    ModelNotFoundError,
    OverloadedError,
    PermissionDeniedError,
    Phase,
    QuotaExhaustedError,
    RateLimitError,
    RequestError,
    TimeoutError,
    TransportError,
    TruncatedStreamError,
    UpstreamError,
)

PHASES: dict[Phase, str] = {
    "pool": "All connections to it are in use: ask again when fewer answers are under way.",
    "connect": "Nothing there takes connections: check host and port of `url`, and the firewall between.",
    "tls": "The host connects and then does not speak TLS: is it `http` in `url`, not `https`?",
    "proxy": "The proxy does not let it through: check `proxy`.",
    "first_byte": "It takes the question and says nothing: it is overloaded, still loads the model, or needs a longer "
    "`limits.first_byte`.",
    "idle": "It began to answer and fell silent: it is overloaded, or a proxy before it holds the answer back.",
    "total": "The answer takes longer than `limits.total` allows.",
}
"""By the wait that was too long."""

CODES: dict[str, str] = {
    "tls_error": "Its certificate is not for this host, or of nobody who is known here: name the file of its authority "
    "with `ca_file`. If it speaks no TLS at all, `url` begins with `http`.",
    "proxy_error": "The proxy does not let it through: check `proxy`.",
}
"""By the error's code, where that says more than its class."""

PROXIES = ("HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy")
"""Variables that other programs take their proxy from."""

REMEDIES: tuple[tuple[type[DragomanError], str], ...] = (
    (ConfigurationError, "Correct that setting, or install what it needs."),
    (ModelNotFoundError, "Name a model that it has (`default_model`); if it has that one, the path in `url` is wrong."),
    (EndpointNotFoundError, "The path in `url` is wrong: most services of this kind want one that ends with `/v1`."),
    (RequestError, "It does not take a plain question: check `protocol`, and whether the model is one for chats."),
    (AuthenticationError, "Check `api_key`; for a web-chat service `secret` and `password`."),
    (PermissionDeniedError, "The key is known and may not do this: name another model, or ask whoever gave the key."),
    (RateLimitError, "It works, and had too many questions: wait a while."),
    (QuotaExhaustedError, "The account has no money or quota left: top it up, or use another key."),
    (ContextLengthError, "Even a short question is too long for this model: name another one (`default_model`)."),
    (ContentFilterError, "Its filter refuses a harmless question: look at the filter's settings at the service."),
    (OverloadedError, "It has no capacity now: try again later, or name a second target in the route."),
    (BadEventError, "What answers there does not speak this protocol: check `url`, its path, and `protocol`."),
    (TruncatedStreamError, "It, or a proxy before it, breaks answers off: its own log says why."),
    (UpstreamError, "The fault lies with the service: its own log or status page says more."),
    (ConnectError, "Is the service running, and is `url` (and `proxy`) right?"),
    (TransportError, "Check the network between here and there."),
    (DragomanError, "Please report this: it should not happen."),
)
"""The first class that fits decides."""


def remedy(error: DragomanError) -> str:
    """What the user can do."""
    if isinstance(error, TimeoutError):
        return PHASES[error.phase]
    if error.code in CODES:
        return CODES[error.code]
    return next(words for kind, words in REMEDIES if isinstance(error, kind))


def unused_proxy(error: DragomanError, environment: Mapping[str, str]) -> str:
    """What to know of a proxy that the environment names, if the way to the service failed; else nothing."""
    lost = isinstance(error, ConnectError) or (isinstance(error, TimeoutError) and error.phase == "connect")
    name = next((name for name in PROXIES if environment.get(name)), None)
    return f" {name} is set, and not used: set `proxy` if this service is behind it." if lost and name else ""
