"""Work in steps: the result is that of the work done at once, wherever a step ends."""

import pytest

from dragoman.wire.steps import PIECE, Steps, check_utf8, done, holds

SIGNS = ("a", "é", "日", "🎻")


def counted(steps: Steps[object]) -> int:
    """How many steps there are."""
    number = 1
    while True:
        try:
            next(steps)
        except StopIteration:
            return number
        number += 1


@pytest.mark.parametrize("before", [0, PIECE - 6, PIECE - 5, PIECE - 3, PIECE - 1, PIECE, 2 * PIECE - 1])
def test_a_text_is_found_wherever_it_stands(before: int) -> None:
    data = b"." * before + b"sought" + b"." * (2 * PIECE)
    assert done(holds(data, b"sought"))
    assert not done(holds(data.replace(b"sought", b"sough."), b"sought"))


@pytest.mark.parametrize("sign", SIGNS)
@pytest.mark.parametrize("before", range(4))
def test_a_character_may_stand_across_the_end_of_a_step(sign: str, before: int) -> None:
    data = b"." * before + sign.encode() * (2 * PIECE // len(sign.encode()))
    done(check_utf8(data))


@pytest.mark.parametrize("wrong", [b"\xff", b"\x80" * 9, b"\xf0\x9f\x8e", b"\xed\xa0\x80", b"\xc0\xaf"])
@pytest.mark.parametrize("before", [0, PIECE - 4, PIECE - 3, PIECE - 2, PIECE - 1, PIECE, 2 * PIECE])
def test_what_is_not_utf8_is_refused_as_it_is_at_once(wrong: bytes, before: int) -> None:
    for after in (b"", b"." * PIECE):
        data = b"." * before + wrong + after
        with pytest.raises(UnicodeDecodeError) as expected:
            data.decode()
        with pytest.raises(UnicodeDecodeError) as caught:
            done(check_utf8(data))
        assert str(caught.value) == str(expected.value)


def test_a_step_looks_at_so_many_bytes() -> None:
    text = "é".encode() * (2 * PIECE)
    assert counted(check_utf8(text)) == 5
    assert counted(holds(text, b"sought")) == 5
