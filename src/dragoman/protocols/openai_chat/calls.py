"""Which tool call a fragment belongs to, however a service counts them."""

import msgspec

from dragoman.protocols.openai_chat.chunk import Call, Function


class Calls:
    """Numbers for tool calls, in the order they began.

    Each fragment says its call's index. Some services leave it out, and some give every call index 0: there, a name
    under another id begins another call.
    """

    def __init__(self) -> None:
        self._ids: list[str] = []
        self._at: dict[int, int] = {}

    def number(self, call: Call) -> int:
        """The number of the call that `call` is a fragment of."""
        call_id = call.id or ""
        named = call.function is not None and bool(call.function.name)
        if call.index is None:
            return self._unnumbered(call_id, named=named)
        known = self._at.get(call.index)
        if known is None or (named and call_id and call_id != self._ids[known]):
            known = self._at[call.index] = self._begin(call_id)
        return known

    def _unnumbered(self, call_id: str, *, named: bool) -> int:
        if call_id and call_id in self._ids:
            return self._ids.index(call_id)
        return self._begin(call_id) if named or not self._ids else len(self._ids) - 1

    def _begin(self, call_id: str) -> int:
        self._ids.append(call_id)
        return len(self._ids) - 1


def arguments(function: Function) -> str:
    """JSON text, whether it came as text or as an object."""
    said = function.arguments
    if isinstance(said, dict):
        return msgspec.json.encode(said).decode()
    return said or ""
