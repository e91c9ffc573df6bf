"""What follows after each failure, and what a route's settings make of it."""

import pytest

from dragoman.errors import (
    AuthenticationError,
    BadEventError,
    ConnectError,
    ContentFilterError,
    ContextLengthError,
    DragomanError,
    EndpointNotFoundError,
    InvalidRequestError,
    NoOperationError,
    OpaqueStateError,
    OverloadedError,
    Phase,
    QuotaExhaustedError,
    RateLimitError,
    TimeoutError,
    TransportError,
    TruncatedStreamError,
    UnsupportedFeatureError,
    UpstreamError,
)
from dragoman.protocols.errors.status import error_for
from dragoman.routing.reactions import AGAIN, Fault, Next, Reaction, reaction
from dragoman.routing.retry import RetryPolicy
from dragoman.types import ResponseHead


def refused(status: int, *fields: tuple[bytes, bytes], said: str = "") -> DragomanError:
    """The error of a reply with this status."""
    error = error_for(status, said, head=ResponseHead(status, fields))
    error.upstream_status = status
    return error


@pytest.mark.parametrize(
    ("status", "following", "fault"),
    [
        (400, Next.NOBODY, Fault.NONE),
        (401, Next.OTHER, Fault.KEY),
        (402, Next.OTHER, Fault.KEY),
        (403, Next.OTHER, Fault.MODEL),
        (404, Next.OTHER, Fault.NONE),
        (408, Next.SAME, Fault.BROKEN),
        (413, Next.OTHER, Fault.NONE),
        (405, Next.OTHER, Fault.NONE),
        (410, Next.OTHER, Fault.NONE),
        (418, Next.OTHER, Fault.NONE),
        (422, Next.NOBODY, Fault.NONE),
        (429, Next.SAME, Fault.FULL),
        (498, Next.SAME, Fault.BROKEN),
        (500, Next.SAME, Fault.BROKEN),
        (502, Next.SAME, Fault.BROKEN),
        (503, Next.SAME, Fault.BROKEN),
        (504, Next.SAME, Fault.BROKEN),
        (529, Next.SAME, Fault.BROKEN),
    ],
)
def test_each_status_has_its_row(status: int, following: Next, fault: Fault) -> None:
    assert reaction(refused(status)) == Reaction(following, fault)


def test_a_filter_is_not_routed_around_and_a_long_conversation_needs_a_larger_model() -> None:
    assert reaction(ContentFilterError("no")) == Reaction(Next.NOBODY, Fault.NONE)
    assert reaction(ContextLengthError("long")) == Reaction(Next.LARGER, Fault.NONE)


@pytest.mark.parametrize("status", [429, 500, 503])
def test_a_service_that_wants_no_retry_is_left_for_another_one(status: int) -> None:
    error = refused(status, (b"x-should-retry", b"false"), (b"retry-after", b"7"))
    assert reaction(error).next is Next.OTHER
    assert reaction(error).fault is reaction(refused(status)).fault


def test_a_limit_that_no_wait_helps_against_leaves_its_target_alone_for_a_while() -> None:
    assert reaction(refused(429, (b"x-should-retry", b"false"))) == Reaction(Next.OTHER, Fault.MODEL)


@pytest.mark.parametrize("status", [413, 429])
def test_what_an_account_may_send_says_nothing_of_what_another_target_holds(status: int) -> None:
    error = refused(status, said="Request too large for m on tokens per minute (TPM): Limit 1, Requested 2")
    assert type(error) is ContextLengthError
    assert reaction(error) == Reaction(Next.OTHER, Fault.NONE)
    assert reaction(refused(400, said="prompt is too long")) == Reaction(Next.LARGER, Fault.NONE)


def test_a_request_that_is_too_large_for_one_service_may_be_good_for_another_whatever_its_status() -> None:
    error = InvalidRequestError("Request payload size exceeds the limit", code="request_too_large")
    assert reaction(error) == Reaction(Next.OTHER, Fault.NONE)


def test_where_nothing_can_be_opened_nobody_else_is_tried() -> None:
    ours = OverloadedError("no file descriptor is left", provider="dragoman")
    ours.retryable = False
    assert reaction(ours).next is Next.NOBODY


def test_a_target_that_can_only_chat_is_left_for_another_one() -> None:
    assert reaction(NoOperationError("no embeddings")) == Reaction(Next.OTHER, Fault.NONE)


@pytest.mark.parametrize("status", [400, 500])
def test_a_model_that_reads_no_images_is_left_for_another_one_and_is_not_broken(status: int) -> None:
    error = refused(status, said="image input is not supported - hint: you may need to provide the mmproj")
    assert reaction(error) == Reaction(Next.OTHER, Fault.NONE)
    assert reaction(UnsupportedFeatureError("no images")) == Reaction(Next.OTHER, Fault.NONE)


def test_a_service_that_wants_a_retry_of_a_400_gets_it() -> None:
    assert reaction(refused(400, (b"x-should-retry", b"true"))) == AGAIN


def test_a_wait_for_a_connection_of_ours_says_nothing_of_the_service() -> None:
    assert reaction(TimeoutError("full", phase="pool")) == AGAIN
    assert reaction(TimeoutError("silent", phase="connect")).fault is Fault.BROKEN


PHASES: dict[Phase, bool] = {
    "pool": False,
    "connect": False,
    "tls": False,
    "proxy": False,
    "first_byte": True,
    "first_token": True,
    "idle": True,
    "total": True,
}


@pytest.mark.parametrize("phase", PHASES)
def test_a_request_that_was_sent_may_have_run(phase: Phase) -> None:
    assert TimeoutError("late", phase=phase).maybe_billed is PHASES[phase]


@pytest.mark.parametrize(
    ("error", "run"),
    [
        (ConnectError("refused"), False),
        (TransportError("reset"), True),
        (TruncatedStreamError("cut"), True),
        (refused(500), True),
        (refused(502), True),
        (refused(504), True),
        (refused(503), False),
        (refused(529), False),
        (refused(429), False),
        (refused(401), False),
        (refused(302), False),
        (AuthenticationError("no key"), False),
        (EndpointNotFoundError("nothing here"), False),
        (QuotaExhaustedError("spent"), False),
        (RateLimitError("slow down"), False),
        (InvalidRequestError("wrong"), False),
    ],
)
def test_a_failure_says_whether_the_service_may_have_worked(error: DragomanError, run: bool) -> None:
    assert error.maybe_billed is run
    careful = RetryPolicy(attempts=2, after_send=False)
    assert careful.next(error) is (Next.NOBODY if run else reaction(error).next)
    assert RetryPolicy(attempts=2).next(error) is reaction(error).next


def test_a_failure_after_a_good_head_may_have_run() -> None:
    empty = UpstreamError("nothing", code="empty_answer")
    bad = BadEventError("no JSON")
    empty.upstream_status = bad.upstream_status = 200
    assert [RetryPolicy(after_send=False).next(each) for each in (empty, bad)] == [Next.NOBODY, Next.NOBODY]


@pytest.mark.parametrize("status", [400, 422])
def test_a_refusal_moves_on_only_if_the_route_says_so(status: int) -> None:
    assert RetryPolicy().next(refused(status)) is Next.NOBODY
    assert RetryPolicy(fallback_on_400=True).next(refused(status)) is Next.OTHER


@pytest.mark.parametrize(
    "error", [InvalidRequestError("wrong for us"), ContentFilterError("no"), OpaqueStateError("not mine")]
)
def test_what_no_service_refused_as_wrong_stays(error: DragomanError) -> None:
    assert RetryPolicy(fallback_on_400=True).next(error) is Next.NOBODY


@pytest.mark.parametrize("code", ["tls_error", "proxy_error"])
def test_a_certificate_that_does_not_hold_leads_to_another_target(code: str) -> None:
    error = ConnectError("no TLS", code=code)
    assert reaction(error) == Reaction(Next.SAME, Fault.BROKEN)
    error.retryable = False
    assert reaction(error) == Reaction(Next.OTHER, Fault.BROKEN)
