"""Which tool call a fragment belongs to, however a service counts them."""

from collections.abc import Callable

from dragoman.protocols.openai_chat.chunk import Call

NULL = "null"
"""What a gateway writes for the name that a later fragment does not have (BerriAI/litellm#12513)."""


class Calls:
    """Numbers for tool calls, in the order in which they began. `complete`: whether a call's arguments are complete.

    Each fragment names its call's index. But some services leave the index out, and some give every call index 0. Then
    a new call is recognised by one of these: a name with another id; another name; a name after complete arguments.
    Some services also give every call the same id. Then a new call is: another name after complete arguments.
    """

    def __init__(self, complete: Callable[[int], bool]) -> None:
        self._complete = complete
        self._ids: list[str] = []
        self._names: list[str] = []
        self._at: dict[int, int] = {}

    def number(self, call: Call) -> int:
        """The number of the call that `call` is a fragment of."""
        call_id, name, index = call.id or "", call.name, call.index
        if name == NULL and not call_id and self._names and (index is None or index in self._at):
            name = ""
        known = self._unnumbered(call_id, name) if index is None else self._at.get(index)
        if known is None or (name and self._is_another(known, call_id, name)):
            known = len(self._ids)
            self._ids.append(call_id)
            self._names.append(name)
        else:
            self._ids[known] = self._ids[known] or call_id
            self._names[known] = self._names[known] or name
        if index is not None:
            self._at[index] = known
        return known

    def named(self, number: int) -> bool:
        """True once the call's name has come."""
        return bool(self._names[number])

    def _is_another(self, known: int, call_id: str, name: str) -> bool:
        before = self._names[known]
        renamed = bool(before) and name != before
        if call_id and self._ids[known]:
            return call_id != self._ids[known] or (renamed and self._complete(known))
        return renamed or (bool(before) and not call_id and self._complete(known))

    def _unnumbered(self, call_id: str, name: str) -> int | None:
        """The call of a fragment without an index; None: a new one begins."""
        if call_id and call_id in self._ids:
            return max(number for number, other in enumerate(self._ids) if other == call_id)
        return None if name or not self._ids else len(self._ids) - 1
