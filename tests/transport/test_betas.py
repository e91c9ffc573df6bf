"""What is remembered of refused betas, and for how long."""

from dragoman.transport.betas import LASTS, MOST, Betas


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_a_refusal_is_remembered_for_an_hour() -> None:
    clock = Clock()
    betas = Betas(clock)
    assert not betas.known
    betas.learn("up", "m", "a,b", "a")
    assert betas.known
    clock.now = LASTS - 1
    assert betas.taken("up", "m", "a,b") == "a"
    clock.now = LASTS
    assert betas.taken("up", "m", "a,b") == "a,b"
    assert not betas.known


def test_it_holds_for_that_list_model_and_service_alone() -> None:
    betas = Betas(Clock())
    betas.learn("up", "m", "a,b", "")
    others = [("up", "m", "a"), ("up", "n", "a,b"), ("other", "m", "a,b")]
    assert [betas.taken(*each) for each in others] == ["a", "a,b", "a,b"]


def test_callers_fill_no_memory() -> None:
    betas = Betas(Clock())
    for number in range(MOST + 1):
        betas.learn("up", "m", f"b-{number}", "")
    assert betas.taken("up", "m", "b-0") == "b-0"
    assert betas.taken("up", "m", f"b-{MOST}") == ""
