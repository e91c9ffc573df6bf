"""Signatures; more vectors are in the transcripts."""

from hashlib import sha256

import pytest

from dragoman.protocols.webchat.signature import sign


@pytest.mark.parametrize(
    ("time", "text", "secret", "expected"),
    [
        (1795230435397, "Привет! Как дела?", "", "dfe240c1a02b5dd3f76cf7bf1a2d32e6c79af00d109ea8e1f0c577ba692146bf"),
        ("1e+21", "x", "", "daa3dfb10a50499ea243dda6a1be40b7208e48dbfd359d4846ef75c537912d95"),
        (1795230992, "Привет", "undefined", "982b80ca67aa5d94a0a5094f99b7de6e0bd11c17378410d69ff3e87febf6f744"),
        (1795230472908, "a\ud83db", "", "8f3ea86f2c7c3af07a418e10c933afb3ed620461f976dadf4a6cee804969ba4b"),
    ],
)
def test_recorded_vectors(time: object, text: str, secret: str, expected: str) -> None:
    assert sign(time, text, secret) == expected


def test_nothing_is_trimmed() -> None:
    assert sign(1, " \n", " s ") == sha256(b"1: \n: s ").hexdigest()
