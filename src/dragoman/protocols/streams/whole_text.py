"""A whole text that a service says again after its pieces."""


def rest(whole: str, count: int, last: str) -> str | None:
    """What of `whole` has not gone out; None if it is another text than its pieces, so that nobody can say.

    `count`: characters that have gone out, `last`: the piece at their end. All of them are not kept.
    """
    if len(whole) <= count:
        return ""
    return whole[count:] if whole.startswith(last, count - len(last)) else None
