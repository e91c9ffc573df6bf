"""For a path that is not served: the served path that was probably meant. Knows no front."""

from collections.abc import Mapping

from dragoman.error_words import cut, nearest, scrub

ROOT = "/"
"""What a base URL without the rest of its path leads to: nobody who asks a question means it."""

SHOWN = 100
"""Characters of a caller's path that an error repeats."""


def shown_path(path: str) -> str:
    """A caller's path as an error may repeat it: cut, on one line, without keys."""
    start = path[: 10 * SHOWN]  # no key is so long that its end is needed to know it
    return cut(scrub("".join(sign if sign.isprintable() else "\N{REPLACEMENT CHARACTER}" for sign in start)), SHOWN)


def nearby(path: str, served: Mapping[str, str], usual: str) -> str:
    """The method and path that were probably meant, as `POST /v1/chat/completions`; `usual`: the path if no other fits.

    `served`: paths to methods. A base URL may have been set without its `/v1`, with it twice, or with more before it.
    """
    plain = "/" + "/".join(part for part in path.lower().split("/") if part)
    served = {known: method for known, method in served.items() if known != ROOT and "//" not in known}
    ends = [known for known in served if plain.endswith(known)]
    begins = [known for known in served if known.endswith(plain)] if plain != ROOT else []
    if ends:
        found = max(ends, key=len)
    elif begins:
        found = min(begins, key=len)
    else:
        hint = nearest(plain, served)
        found = next((known for known in served if hint.endswith(f" {known}?")), usual)
    return f"{served[found]} {found}"
