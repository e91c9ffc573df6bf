"""What processes tell each other of targets: each is played by a health of its own, and one board lies between them."""

import pytest

from dragoman.errors import (
    AuthenticationError,
    DragomanError,
    OverloadedError,
    PermissionDeniedError,
    RateLimitError,
)
from dragoman.routing.board import LOOK, Board, Hint, hints_of
from dragoman.routing.breaker import ELSEWHERE, Breaker, BreakerChange, State
from dragoman.routing.candidate import Candidate
from dragoman.routing.health import REFUSED_REST, Health, Service
from dragoman.routing.plan import RequestInfo
from dragoman.routing.retry import RetryPolicy
from dragoman.routing.route import Route
from dragoman.routing.strategies.fallback import fallback
from tests.support.timed import TimedService, target

FAILURES, REST = 2, 10.0


class Place(Hint):
    """A place in this process."""

    def __init__(self) -> None:
        self.until = 0.0

    def read(self) -> float:
        return self.until

    def write(self, until: float) -> None:
        self.until = until


class Plain(Board):
    """A board in this process."""

    def __init__(self) -> None:
        self.places: dict[str, Place] = {}

    def hint(self, name: str) -> Hint:
        return self.places.setdefault(name, Place())


class Worker:
    """What one process knows of a target."""

    def __init__(self, board: Board | None, target: str = "up/m", failures: int = FAILURES, settings: str = "") -> None:
        self.told: list[BreakerChange] = []
        hints = hints_of(board, target, "", settings)
        self.health = Health(Service(), Breaker(failures, REST, target, self.told.append, hints.breaker), hints)

    def fails(self, error: DragomanError, now: float, times: int = 1) -> None:
        for _ in range(times):
            self.health.asked(now)
            self.health.failed(error, now)

    def asks(self, now: float) -> bool:
        return self.health.may_be_asked(now)


BROKEN = OverloadedError("full")


def test_a_breaker_that_opens_opens_those_of_the_others() -> None:
    board = Plain()
    one, other = Worker(board), Worker(board)
    assert other.asks(0)
    one.fails(BROKEN, 1, FAILURES)
    assert [other.asks(now) for now in (1, 1 + REST - 0.1, 1 + REST)] == [False, False, True]
    assert other.told == [BreakerChange("up/m", State.OPEN, ELSEWHERE, REST)]


def test_each_process_lets_one_request_try_after_the_rest() -> None:
    board = Plain()
    one, other = Worker(board), Worker(board)
    one.fails(BROKEN, 0, FAILURES)
    assert not other.asks(0)
    assert other.asks(REST)
    other.health.asked(REST)
    assert not other.asks(REST)
    other.health.succeeded()
    assert other.asks(REST)


def test_a_good_trial_is_told_at_once() -> None:
    board = Plain()
    workers = one, other, third = Worker(board), Worker(board), Worker(board)
    one.fails(BROKEN, 0, FAILURES)
    assert [each.asks(1) for each in workers] == [False, False, False]
    assert one.asks(REST)
    one.health.asked(REST)
    one.health.succeeded()
    assert [each.asks(REST + LOOK) for each in (other, third)] == [True, True]
    assert other.told[-1] == BreakerChange("up/m", State.CLOSED, ELSEWHERE)
    other.fails(BROKEN, REST + LOOK)
    assert other.asks(REST + LOOK), "one failure opened it: what another process counted is not its own"


def test_a_breaker_opened_by_its_own_failures_is_closed_by_nobody_else() -> None:
    board = Plain()
    one, other = Worker(board), Worker(board)
    other.fails(BROKEN, 0, FAILURES)
    one.fails(BROKEN, 0, FAILURES)
    one.health.asked(0)
    one.health.succeeded()
    assert not other.asks(1)


def test_one_that_is_switched_off_stays_so() -> None:
    board = Plain()
    Worker(board).fails(BROKEN, 0, FAILURES)
    assert Worker(board, failures=0).asks(0)


@pytest.mark.parametrize(
    ("error", "rest", "alike"),
    [
        (RateLimitError("slow down", retry_after=30), 30, False),
        (PermissionDeniedError("no"), REFUSED_REST, False),
        (AuthenticationError("no"), REFUSED_REST, True),
    ],
)
def test_a_rest_is_told_and_one_of_a_key_holds_for_all_its_targets(
    error: DragomanError, rest: float, alike: bool
) -> None:
    board = Plain()
    one, other, neighbour, stranger = Worker(board), Worker(board), Worker(board, "up/n"), Worker(board, "down/m")
    one.fails(error, 0)
    assert [other.asks(now) for now in (0, rest - 0.1, rest)] == [False, False, True]
    assert (neighbour.asks(0), stranger.asks(0)) == (not alike, True)


def test_with_another_key_it_is_another_service() -> None:
    board = Plain()
    Worker(board, settings="old").fails(AuthenticationError("no"), 0)
    assert not Worker(board, settings="old").asks(0)
    assert Worker(board, settings="new").asks(0)


def test_with_another_key_it_is_as_broken_as_before() -> None:
    board = Plain()
    Worker(board, settings="old").fails(BROKEN, 0, FAILURES)
    assert not Worker(board, settings="new").asks(0)


def test_it_looks_seldom_and_without_a_board_never() -> None:
    board = Plain()
    one, other, alone = Worker(board), Worker(board), Worker(None)
    assert other.asks(0)
    one.fails(BROKEN, 0, FAILURES)
    assert [other.asks(now) for now in (LOOK / 2, LOOK)] == [True, False]
    assert alone.asks(LOOK)
    alone.fails(BROKEN, 0, FAILURES)
    assert not alone.asks(1)


def test_to_look_ahead_does_not_put_off_the_next_look_at_the_board() -> None:
    board = Plain()
    one, other = Worker(board), Worker(board)
    full = Health(Service(), Breaker(FAILURES, REST))
    members = [
        Candidate(target=target("up/m", TimedService()), health=one.health),
        Candidate(target=target("up/n", TimedService()), health=full, max_parallel=0),
    ]
    plan = Route(members, fallback, lambda: 0.5, retry=RetryPolicy(attempts=2))
    wait = plan.begin(RequestInfo("fast"), 0).after(OverloadedError("full", retry_after=30), 0)
    assert wait is not None
    other.fails(BROKEN, 0.5, FAILURES)
    with pytest.raises(OverloadedError, match="no target"):
        plan.begin(RequestInfo("fast"), 1)
