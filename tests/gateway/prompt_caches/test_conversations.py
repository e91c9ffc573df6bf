"""What is kept of conversations, and for how long."""

from dragoman.gateway.prompt_caches.conversations import LATEST, Conversations, Sent
from dragoman.gateway.prompt_caches.fingerprint import SIZE, Fingerprint


def sent(at: float = 0.0, digests: int = 4) -> Sent:
    return Sent("up/m", Fingerprint(bytes(SIZE * digests), 0), at)


def test_those_that_were_not_used_for_longest_are_forgotten_first() -> None:
    kept = Conversations(count=2)
    for name in (b"a", b"b", b"a", b"c"):
        kept.keep(name, (sent(),), 0.0)
    assert [bool(kept.find(name, 0.0)) for name in (b"a", b"b", b"c")] == [True, False, True]
    assert len(kept) == 2


def test_the_bytes_of_all_digests_are_bounded() -> None:
    kept = Conversations(size=10 * SIZE)
    for name in (b"a", b"b", b"c"):
        kept.keep(name, (sent(),), 0.0)
    assert (len(kept), kept.size) == (2, 8 * SIZE)
    kept.keep(b"d", (sent(digests=11),), 0.0)
    assert (len(kept), kept.size) == (0, 0)


def test_what_is_old_is_forgotten() -> None:
    kept = Conversations(age=10.0)
    kept.keep(b"a", (sent(0.0), sent(5.0)), 5.0)
    assert kept.find(b"a", 15.0) == (sent(5.0),)
    assert kept.find(b"a", 15.1) == ()
    kept.keep(b"b", (sent(15.1),), 15.1)
    assert (len(kept), kept.size) == (1, 4 * SIZE)


def test_the_latest_requests_are_kept() -> None:
    kept = Conversations()
    kept.keep(b"a", tuple(sent(at) for at in range(LATEST + 3)), 20.0)
    assert [each.at for each in kept.find(b"a", 20.0)] == list(range(3, LATEST + 3))
    assert kept.size == LATEST * 4 * SIZE
