"""What to do about an error, in plain words. Knows classes of errors, and no service."""

from dragoman.cli.complaints import note
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
    StoreError,
    TimeoutError,
    TransportError,
    TruncatedStreamError,
    UpstreamError,
)

PHASES: dict[Phase, str] = {
    "pool": "All connections to it are in use: ask again when fewer answers are under way.",
    "connect": "Nothing there takes connections: check host and port of `url`, and the firewall between.",
    "tls": "The host connects and then does not speak TLS: is it `http` in `url`, not `https`?",
    "proxy": "The proxy does not let it through: check `proxy` (`none` goes without), HTTPS_PROXY and NO_PROXY.",
    "first_byte": "It takes the question and says nothing: it is overloaded, still loads the model, or needs a longer "
    "`timeouts.first_byte`.",
    "first_token": "It takes the question and sends nothing of an answer: it is overloaded, or its model thinks longer "
    "than `timeouts.first_token`.",
    "idle": "It began to answer and fell silent: it is overloaded, or a proxy before it holds the answer back.",
    "total": "The answer takes longer than `timeouts.total` allows.",
}
"""By the wait that was too long."""

REMEDIES: tuple[tuple[type[DragomanError], str], ...] = (
    (ConfigurationError, "Correct that setting, or install what it needs."),
    (StoreError, "Make room, end the program that holds the file, or move the file away."),
    (ModelNotFoundError, "Name a model that it has (`default_model`); if it has that one, the path in `url` is wrong."),
    (EndpointNotFoundError, "The path in `url` is wrong: most services of this kind want one that ends with `/v1`."),
    (RequestError, "It does not take a plain question: check `protocol`, and whether the model is one for chats."),
    (AuthenticationError, "Check `api_key`; for a web-chat service `secret` and `password`."),
    (PermissionDeniedError, "The key is known and may not do this: name another model, or ask the owner of the key."),
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

CODES: dict[str, str] = {
    "proxy_error": PHASES["proxy"],
    "tls_error": "If an authority of your own signed its certificate, name that one's file in `ca_file`; else check "
    "the host in `url`.",
    "upstream_redirect": "The service is elsewhere: check `url`, which may want `https`, its host and its path.",
    "empty_answer": "Name a model that chats (`default_model`).",
}
"""By the error's code, if it says more than the class."""


def remedy(error: DragomanError) -> str:
    """What the user can do."""
    if noted := note(error):
        return noted
    if isinstance(error, TimeoutError):
        return PHASES[error.phase]
    if error.code in CODES:
        return CODES[error.code]
    return next(words for kind, words in REMEDIES if isinstance(error, kind))
