"""How many descriptors are kept from callers."""

import pytest

from dragoman.gateway.serving.descriptors import AT_ONCE, room_of

LIMITS = [64, 256, 1024, 4096, 8192, 20_000, 65_536, 1 << 20, 1 << 30]


@pytest.mark.parametrize("limit", LIMITS)
def test_what_is_kept_is_enough_for_all_who_come_at_once_and_all_who_are_turned_away(limit: int) -> None:
    found = room_of(limit)
    kept = limit - found.most
    assert 0 < found.at_once + found.parting < kept <= limit // 4
    assert 0 < found.enough < found.most
    assert found.at_once <= AT_ONCE


def test_what_is_kept_grows_with_the_limit_and_slower() -> None:
    kept = [limit - room_of(limit).most for limit in LIMITS]
    shares = [some / limit for some, limit in zip(kept, LIMITS, strict=True)]
    assert kept == sorted(kept)
    assert shares == sorted(shares, reverse=True)


def test_twenty_thousand_are_enough_for_eight_thousand_streams() -> None:
    assert room_of(20_000).most > 2 * 8000 + 100
