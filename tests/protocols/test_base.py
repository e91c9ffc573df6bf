"""What every decoder keeps: the good beginning, the first error, and no more."""

import pytest

from dragoman.errors import BadEventError, TruncatedStreamError
from dragoman.protocols.decoder import Decoder
from dragoman.types import PartDelta, StreamEvent


class Letters(Decoder):
    """Each byte is a delta; `!` is a fault, `.` the end mark, `?` a bug."""

    def _read(self, data: bytes, out: list[StreamEvent]) -> None:
        for letter in data.decode():
            match letter:
                case "!":
                    raise BadEventError("expected no !")
                case "?":
                    raise ZeroDivisionError
                case ".":
                    self.done = True
                case _:
                    out.append(PartDelta(letter))

    def _end(self, out: list[StreamEvent]) -> None:
        out.append(PartDelta("last"))
        if not self.done:
            raise TruncatedStreamError("expected a full stop")


def test_a_good_beginning_is_kept_before_an_error() -> None:
    decoder = Letters()
    assert decoder.feed(b"ab!c") == [PartDelta("a"), PartDelta("b")]
    assert isinstance(decoder.error, BadEventError)


def test_nothing_comes_after_an_error_and_the_first_one_stays() -> None:
    decoder = Letters()
    decoder.feed(b"!")
    first = decoder.error
    assert decoder.feed(b"ab!") == []
    assert decoder.finish() == []
    assert decoder.error is first


def test_a_missing_end_is_an_error_behind_the_last_events() -> None:
    decoder = Letters()
    assert decoder.feed(b"a") == [PartDelta("a")]
    assert decoder.finish() == [PartDelta("last")]
    assert isinstance(decoder.error, TruncatedStreamError)


def test_a_good_end_is_no_error() -> None:
    decoder = Letters()
    decoder.feed(b"a.")
    assert decoder.done
    assert decoder.finish() == [PartDelta("last")]
    assert decoder.error is None
    assert decoder.salvage() == []


def test_a_bug_is_not_hidden() -> None:
    with pytest.raises(ZeroDivisionError):
        Letters().feed(b"?")
