"""The recorded exchanges, both ways: our clients read every reply, our servers answer every request as it was."""

from collections.abc import Iterator

import pytest
from _pytest.mark import ParameterSet

from dragoman.errors import (
    AuthenticationError,
    DragomanError,
    EndpointNotFoundError,
    InvalidRequestError,
    RateLimitError,
    TruncatedStreamError,
    UpstreamError,
)
from dragoman.protocols.webchat.aibn import AibnClient, AibnServer
from dragoman.protocols.webchat.aichatfree import AIChatFreeClient, AIChatFreeServer
from dragoman.protocols.webchat.signature import sign
from dragoman.types import ChatRequest, PartDelta, ResponseEnd, ServerResponse, user
from tests.support.cuts import drive
from tests.support.transcripts import Transcript, transcripts

DEMO, GEMINI = transcripts("chatgpt-demo"), transcripts("geminiprochat")
CLIENTS = {"chatgpt-demo": AibnClient(url="http://site"), "geminiprochat": AIChatFreeClient(url="http://site")}
REQUEST = ChatRequest(model="", messages=(user("x"),))
MARK = "Internal server error"

BROKEN = {"open__upstream-drop-mid", "open__upstream-errtext", "open__upstream-safety-mid", "open__upstream-blocked"}
TEXT_ERRORS: dict[str, type[DragomanError]] = {
    "old-2023-03-06__messages-missing": InvalidRequestError,
    "old-2023-03-06__sign-secret-empty": AuthenticationError,
} | dict.fromkeys(BROKEN, TruncatedStreamError)

FAILURES: dict[str, tuple[type[DragomanError], int]] = {
    "open__upstream-err401": (AuthenticationError, 401),
    "open__upstream-err400": (AuthenticationError, 401),
    "open__upstream-err429": (RateLimitError, 429),
    "open__upstream-err429details": (RateLimitError, 429),
    "open__upstream-err500": (UpstreamError, 500),
    "open__upstream-err502html": (UpstreamError, 502),
    "open__upstream-drop-before": (UpstreamError, 500),
    "open__history-assistant-role": (UpstreamError, 500),
    "open__multiturn-system": (UpstreamError, 500),
    "refused__upstream-refused": (UpstreamError, 500),
}
"""Failures whose class is not that of their status alone."""
BY_STATUS: dict[int, type[DragomanError]] = {
    400: InvalidRequestError,
    401: AuthenticationError,
    404: EndpointNotFoundError,
    500: UpstreamError,
}


def cases(*, status_200: bool) -> Iterator[ParameterSet]:
    for site, all_of_them in (("chatgpt-demo", DEMO), ("geminiprochat", GEMINI)):
        for script in all_of_them:
            if (script.head.status == 200) == status_200 and script.call.path != "/api/auth":
                yield pytest.param(site, script, id=f"{site}/{script.name}")


def marked(chunks: tuple[bytes, ...]) -> list[bytes]:
    return [piece for chunk in chunks for piece in (chunk, b"")]


@pytest.mark.parametrize(("site", "script"), list(cases(status_200=True)))
def test_every_recorded_answer_is_read_at_every_cut_of_every_chunk(site: str, script: Transcript) -> None:
    events, error = drive(CLIENTS[site].decoder(REQUEST), marked(script.chunks), whole=script.clean)
    kind = TEXT_ERRORS.get(script.name)
    assert (error and error[0]) == kind
    text = "".join(event.text for event in events if isinstance(event, PartDelta))
    whole = script.body.decode()
    assert text == ("" if kind not in {None, TruncatedStreamError} else whole.removesuffix(MARK))
    assert (events[-1:] == [ResponseEnd("stop")]) == (kind is None and script.clean)
    for i, chunk in enumerate(script.chunks):
        for cut in range(1, len(chunk)):
            pieces = [*marked(script.chunks[:i]), chunk[:cut], chunk[cut:], b"", *marked(script.chunks[i + 1 :])]
            assert drive(CLIENTS[site].decoder(REQUEST), pieces, whole=script.clean) == (events, error)


@pytest.mark.parametrize(("site", "script"), list(cases(status_200=False)))
def test_every_recorded_failure_is_its_exact_class(site: str, script: Transcript) -> None:
    error = CLIENTS[site].decode_error(script.reply)
    expected = FAILURES.get(script.name) or (BY_STATUS[script.head.status], error.status)
    assert (type(error), error.status) == expected
    assert error.message
    assert "<" not in error.message
    assert "sk-" not in error.message


UNSIGNED = ("sign-missing", "sign-random", "sign-uppercase-hex")


@pytest.mark.parametrize(
    "script",
    [script for script in DEMO + GEMINI if script.signed and not script.name.endswith(UNSIGNED)],
    ids=lambda script: script.name,
)
def test_recorded_signatures_are_ours(script: Transcript) -> None:
    time, text, secret = (script.signed[key] for key in ("time_as_js_string", "last_content", "secret"))
    assert sign(time, text, secret).encode() in script.call.body


SERVED_BY_THE_GATEWAY = {"open__http-get", "open__http-unknown-path"}


def answer(site: str, script: Transcript) -> ServerResponse | ChatRequest:
    """What our server says to a recorded request: an answer of its own, or what it would ask a model."""
    server: AibnServer | AIChatFreeServer
    if site == "chatgpt-demo":
        server = AibnServer(secret=script.secret, password=script.password)
    else:
        server = AIChatFreeServer(secret=script.secret, password=script.password)
    if script.call.path == "/api/auth":
        return server.auth(script.call)
    try:
        return server.decode_request(script.call)
    except DragomanError as error:
        return server.encode_error(error)


def requests() -> Iterator[ParameterSet]:
    for site, all_of_them in (("chatgpt-demo", DEMO), ("geminiprochat", GEMINI)):
        for script in all_of_them:
            if not script.name.startswith("old-") and script.name not in SERVED_BY_THE_GATEWAY:
                yield pytest.param(site, script, id=f"{site}/{script.name}")


ROLE_REFUSED = {("geminiprochat", "open__history-assistant-role"), ("geminiprochat", "open__multiturn-system")}


@pytest.mark.parametrize(("site", "script"), list(requests()))
def test_every_recorded_request_is_answered_as_it_was(site: str, script: Transcript) -> None:
    ours = answer(site, script)
    if script.upstream and (site, script.name) not in ROLE_REFUSED:
        assert isinstance(ours, ChatRequest)
        assert turns_of(ours) == seen(script)
        return
    if script.name == "refused__upstream-refused":
        assert isinstance(ours, ChatRequest)
        return
    assert isinstance(ours, ServerResponse)
    assert (ours.status, ours.body) == (script.head.status, script.body)
    assert dict(ours.headers).get("content-type") == script.head.header("content-type")


def turns_of(request: ChatRequest) -> list[tuple[str, str]]:
    return [(message.role, message.text) for message in request.messages]


def seen(script: Transcript) -> list[tuple[str, str]]:
    """Role and text of each message that the site sent on."""
    body = script.upstream[0]
    if "messages" in body:
        return [(item["role"], item["content"].replace("\ud83d", "�")) for item in body["messages"]]
    roles = {"user": "user", "model": "assistant"}
    return [(roles[item["role"]], "".join(part["text"] for part in item["parts"])) for item in body["contents"]]
