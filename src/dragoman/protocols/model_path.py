"""A model's name as a part of a path. Knows no dialect."""

from dragoman.error_words import cut
from dragoman.errors import ModelNotFoundError

PLAIN = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~/:@")
"""What may stand in a path as it is."""

DOTS = frozenset({".", ".."})
"""Parts of a path that lead elsewhere; https://www.rfc-editor.org/rfc/rfc3986#section-5.2.4"""


def escaped(name: str, model: str) -> str:
    """`name`, which is `model` or holds it, for a path.

    Raises ModelNotFoundError for a name that would lead to another place of the service: our key must not go there.
    """
    if not DOTS.isdisjoint(name.split("/")):
        raise ModelNotFoundError(f"expected a model's name, got {cut(model)!r}")
    return "".join(sign if sign in PLAIN else "".join(f"%{byte:02X}" for byte in sign.encode()) for sign in name)
