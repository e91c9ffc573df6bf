"""What is remembered of refusals, and for how long."""

from dragoman.transport.refused import LASTS, MOST, Refused


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_a_refusal_is_remembered_for_an_hour() -> None:
    clock = Clock()
    refused = Refused(clock)
    assert not refused.known
    refused.learn("up", "m", "a,b", "a")
    assert refused.known
    clock.now = LASTS - 1
    assert refused.taken("up", "m", "a,b") == "a"
    clock.now = LASTS
    assert refused.taken("up", "m", "a,b") == "a,b"
    assert not refused.known


def test_it_holds_for_that_list_model_and_service_alone() -> None:
    refused = Refused(Clock())
    refused.learn("up", "m", "a,b", "")
    others = [("up", "m", "a"), ("up", "n", "a,b"), ("other", "m", "a,b")]
    assert [refused.taken(*each) for each in others] == ["a", "a,b", "a,b"]


def test_callers_fill_no_memory() -> None:
    refused = Refused(Clock())
    for number in range(MOST + 1):
        refused.learn("up", "m", f"b-{number}", "")
    assert refused.taken("up", "m", "b-0") == "b-0"
    assert refused.taken("up", "m", f"b-{MOST}") == ""
