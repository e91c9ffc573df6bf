"""Who is told of each request: the request log first, then whoever else keeps books. Knows no observer."""

from collections.abc import Callable

from dragoman.types import Outcome

Observer = Callable[[Outcome], None]
"""Is given the outcome of each request, once, when nothing more is done for it.

It is called in the event loop, which serves nobody meanwhile: it returns at once, and raises nothing.
"""
