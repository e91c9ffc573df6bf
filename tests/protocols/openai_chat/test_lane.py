"""The lane of a stream of chunks, if their texts are long."""

import tracemalloc

from dragoman.protocols.openai_chat.lane import lane

BEFORE, AFTER = b'data: {"choices":[{"index":0,"delta":{"content":"', b'"}}]}\n\n'


def event(text: bytes) -> bytes:
    return BEFORE + text + AFTER


def test_a_long_text_with_quotation_marks_takes_no_memory_for_each_of_its_characters() -> None:
    texts = [b'say \\"%b\\"' % (b"a" * 100_000), b'\\"' * 50_000]
    for text in texts:
        said = event(text)
        tracemalloc.start()
        try:
            found = lane(said)
            taken = None if found is None else found.take(event(text) * 2, 0)
            _, most = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
        assert taken == ([text, text], 2 * len(said))
        assert most < 12 * len(text)
