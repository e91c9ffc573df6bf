"""A call without the name of its tool: nobody could carry it out, in any dialect."""

from dragoman.errors import BadEventError


def nameless_call() -> BadEventError:
    """The error for such a call in a service's answer."""
    return BadEventError("expected the name of a tool call, got none")
