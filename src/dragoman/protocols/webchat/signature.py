"""The signature that chat sites require from their own web page. Knows no site."""

from hashlib import sha256

from dragoman.wire.utf8 import well_formed


def sign(time: object, text: str, secret: str) -> str:
    """Lower-case hex SHA-256 of `{time}:{text}:{secret}`, in which a lone surrogate counts as U+FFFD."""
    return sha256(well_formed(f"{time}:{text}:{secret}").encode()).hexdigest()
