"""When commands are run again, and what becomes of what they print."""

import logging

import pytest

from dragoman.config import Config, from_tables
from dragoman.config.commands import Printed, Words
from dragoman.config.renewal import AGAIN, HASTE, Renewal

ONE: Words = ("printf", "one")
TWO: Words = ("printf", "two")


class Clock:
    """A time that stands still."""

    now = 100.0

    def __call__(self) -> float:
        return self.now


def configured() -> Config:
    return from_tables(
        {
            "providers": {
                "up": {"api_key": {"command": ONE, "every": 10}, "secret": {"command": TWO, "every": float("inf")}}
            }
        }
    )


def texts(config: Config | None) -> list[str]:
    return [] if config is None else [each.text for each in config.secret_commands]


def warnings(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING]


def test_a_command_is_due_after_its_time_and_never_if_that_is_endless() -> None:
    clock = Clock()
    renewal = Renewal(configured(), clock)
    assert renewal.due() == ()
    clock.now += 10
    assert renewal.due() == (ONE,)
    assert renewal.take({ONE: Printed("one")}) is None
    assert renewal.due() == ()
    clock.now += 10
    assert renewal.due() == (ONE,)


def test_another_key_makes_a_configuration_that_is_in_force_once_it_is_settled() -> None:
    renewal = Renewal(configured(), Clock())
    new = renewal.take({ONE: Printed("three"), TWO: Printed("two")})
    assert texts(new) == ["three", "two"]
    assert new is not None and new.providers["up"].api_key == "three"  # noqa: PT018  # for mypy
    assert texts(renewal.take({ONE: Printed("three")})) == ["three", "two"]
    renewal.settle(new)
    assert renewal.take({ONE: Printed("three")}) is None


def test_a_failure_is_told_once_and_the_command_run_again_soon(caplog: pytest.LogCaptureFixture) -> None:
    clock = Clock()
    renewal = Renewal(configured(), clock)
    with caplog.at_level(logging.INFO):
        for _ in range(3):
            assert renewal.take({ONE: Printed(failure="one that failed"), TWO: Printed(failure="none")}) is None
            assert renewal.is_failing
        assert warnings(caplog) == [
            "providers.up.api_key: expected a command that prints the secret, got one that failed; "
            "what it printed before stays, and it is run again in 10 s",
            "providers.up.secret: expected a command that prints the secret, got none; "
            "what it printed before stays, and it is run again in 30 s",
        ]
        clock.now += AGAIN
        assert renewal.due() == (ONE, TWO)
        renewal.take({ONE: Printed("one"), TWO: Printed("two")})
        assert not renewal.is_failing
        clock.now += AGAIN
        assert renewal.due() == (ONE,)
        renewal.take({ONE: Printed(failure="one that failed")})
        assert len(warnings(caplog)) == 3


def test_a_key_of_a_wrong_form_is_a_failure_and_others_are_taken(caplog: pytest.LogCaptureFixture) -> None:
    renewal = Renewal(configured(), Clock())
    new = renewal.take({ONE: Printed("canary is no key"), TWO: Printed("new")})
    assert texts(new) == ["one", "new"]
    assert warnings(caplog) == [
        "providers.up.api_key: expected text of visible ASCII characters, got other text in what its command printed; "
        "what it printed before stays, and it is run again in 10 s"
    ]


def test_a_refused_key_is_asked_for_at_once_but_not_again_and_again() -> None:
    clock = Clock()
    renewal = Renewal(configured(), clock)
    renewal.hurry()
    assert renewal.due() == ()
    clock.now += HASTE - 1
    renewal.hurry()
    assert renewal.due() == ()
    clock.now += 1
    renewal.hurry()
    assert renewal.due() == (ONE, TWO)
    renewal.take({ONE: Printed("one"), TWO: Printed("two")})
    renewal.hurry()
    assert renewal.due() == ()


def test_a_command_that_is_there_no_more_is_forgotten() -> None:
    clock = Clock()
    renewal = Renewal(configured(), clock)
    clock.now += 10
    renewal.settle(from_tables({"providers": {"up": {"secret": {"command": TWO, "every": 5}}}}))
    assert renewal.due() == ()  # its time was set before
    renewal.settle(Config())
    renewal.hurry()
    assert renewal.due() == ()
