"""A text that grows by pieces: it is what was added, halves of characters too, and takes hardly more than its bytes."""

import tracemalloc

from dragoman.types.growing_text import GrowingText


def test_it_is_what_was_added() -> None:
    text = GrowingText()
    assert str(text) == ""
    for piece in ("Grü", "ße \ud83d", "", "\ude00", "!"):
        text.add(piece)
    assert str(text) == "Grüße \ud83d\ude00!"


def test_its_pieces_are_not_kept() -> None:
    tracemalloc.start()
    try:
        text = GrowingText()
        for number in range(10_000):
            text.add(f"{number:05}")
        held, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert held < 2 * 50_000
