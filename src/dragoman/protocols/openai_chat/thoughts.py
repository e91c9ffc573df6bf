"""Reasoning that comes in a plain field, and in entries of `reasoning_details` that may say it again and sign it."""

from collections.abc import Sequence
from typing import Any

from dragoman.protocols.openai_chat.reasoning_details import gather_details, holds_state, words_in
from dragoman.protocols.streams.whole_text import rest


class Thoughts:
    """The reasoning under way in one answer."""

    __slots__ = ("_count", "_last", "_latest", "details")

    def __init__(self) -> None:
        self.details: list[dict[str, Any]] | tuple[()] = ()  # most open streams have none
        """The entries that are not yet part of the answer."""
        self._latest: dict[Any, dict[str, Any]]
        """The last of them with each index, if there are any."""
        self._count = 0
        """Characters that the plain field has said."""
        self._last = ""
        """The last piece of them."""

    def leave(self) -> None:
        """Something else begins."""
        self._count, self._last = 0, ""

    def say(self, count: int, last: str) -> None:
        """The plain field says so many characters, and `last` at the end."""
        self._count += count
        self._last = last

    def add(self, details: Sequence[Any]) -> None:
        """The entries of another chunk."""
        if not self.details:
            self.details, self._latest = [], {}
        gather_details(self.details, self._latest, details)

    def unsaid(self, details: Sequence[Any]) -> str:
        """What the plain field has not said: some services say it again beside the signature, in one piece.

        If only the end of it was signed, they say that.
        """
        words, count, last = words_in(details), self._count, self._last
        self.leave()
        if 0 < len(words) < count and holds_state(details):
            return "" if words.endswith(last) or last.endswith(words) else words
        more = rest(words, count, last) if 0 < count <= len(words) else None
        return words if more is None else more

    def take(self) -> Sequence[dict[str, Any]]:
        """The entries, which are part of the answer now."""
        details, self.details = self.details, ()
        return details
