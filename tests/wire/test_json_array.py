"""A JSON array in pieces: the same objects at every cut, each as soon as it is complete."""

import json
import random

from dragoman.wire.json_array import JsonArrayReader

OBJECTS = [{"a": '}]"\\'}, {"b": [{"c": "\\\\"}, [1, 2]]}, {}, {"ü": '"[{'}]
BODY = (" \n[" + ",\r\n".join(json.dumps(each, ensure_ascii=False, indent=1) for each in OBJECTS) + "\n] \n").encode()


def read(pieces: list[bytes]) -> tuple[list[object], bool]:
    reader = JsonArrayReader()
    found = [json.loads(item) for piece in pieces for item in reader.feed(piece)]
    return found, reader.complete


def test_the_objects_are_the_same_at_every_cut() -> None:
    assert read([BODY]) == (OBJECTS, True)
    for i in range(1, len(BODY)):
        assert read([BODY[:i], BODY[i:]]) == (OBJECTS, True), i
    assert read([BODY[i : i + 1] for i in range(len(BODY))]) == (OBJECTS, True)
    rng = random.Random(5)
    for _ in range(200):
        marks = sorted(rng.sample(range(len(BODY)), 6))
        assert read([BODY[a:b] for a, b in zip([0, *marks], [*marks, len(BODY)], strict=True)]) == (OBJECTS, True)


def test_an_object_comes_as_soon_as_it_is_complete() -> None:
    reader = JsonArrayReader()
    assert reader.feed(b'[{"a":1}') == [b'{"a":1}']
    assert reader.feed(b',{"b":') == []
    assert (reader.feed(b"2}]"), reader.complete) == ([b'{"b":2}'], True)
    assert reader.feed(b'{"c":3}') == []


def test_an_array_that_breaks_off_is_not_complete() -> None:
    assert read([b'[{"a":1},']) == ([{"a": 1}], False)
    assert read([b'[{"a":"]']) == ([], False)
    assert read([b"[]"]) == ([], True)
    assert read([b"[1, 2]"]) == ([], True)


def test_it_says_whether_an_object_has_begun() -> None:
    objects = JsonArrayReader()
    assert not objects.inside
    for piece, inside in ((b"[", False), (b'{"a":', True), (b'{"b":1}', True), (b"}", False), (b"]", False)):
        objects.feed(piece)
        assert objects.inside is inside
