"""What gets the outcome of each request: the request log, and further observers. Knows none of them."""

from collections.abc import Callable

from dragoman.types import Outcome

Observer = Callable[[Outcome], None]
"""Called with the outcome of each request, once, when nothing more is done for it.

The event loop serves nobody during the call. So an observer returns at once. What it raises is logged, without its
message, and harms neither the answer nor another observer.
"""
