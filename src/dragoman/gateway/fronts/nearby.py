"""The served path that was meant by one that is not. Knows no front."""

from collections.abc import Mapping

from dragoman.errors import cut, nearest, scrub

SHOWN = 100
"""Characters of a caller's path that are said back."""


def shown(path: str) -> str:
    """A caller's path, as far as it can be said back: on one line, without keys."""
    return cut(scrub("".join(sign if sign.isprintable() else "\N{REPLACEMENT CHARACTER}" for sign in path)), SHOWN)


def nearby(path: str, served: Mapping[str, str], usual: str) -> str:
    """The method and path that were meant, as `POST /v1/chat/completions`; `usual`: the path, where nothing tells.

    `served`: paths to methods. A base URL may have been set without its `/v1`, with it twice, or with more before it.
    """
    plain = "/" + "/".join(part for part in path.lower().split("/") if part)
    ends = [known for known in served if known.endswith(plain) or plain.endswith(known)] if plain != "/" else []
    if ends:
        found = max(ends, key=len)
    else:
        hint = nearest(plain, served)
        found = next((known for known in served if hint.endswith(f" {known}?")), usual)
    return f"{served[found]} {found}"
