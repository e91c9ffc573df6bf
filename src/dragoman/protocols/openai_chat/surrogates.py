"""Characters that a service cut in two: JSON writes one beyond U+FFFF as two halves, which may come in two chunks."""

from dragoman.protocols.openai_chat.chunk import Chunk, Custom, Delta, Function
from dragoman.wire import json
from dragoman.wire.utf8 import well_formed

TEXTS = ("content", "reasoning_content", "reasoning", "refusal")
LOST = "\ufffd"
"""What becomes of a half whose other half never came."""


class SurrogateJoiner:
    """Holds a half back until the next piece of the same text."""

    def __init__(self) -> None:
        self.held: dict[str | int, str] = {}
        """Name of a text (for arguments, the number of the call) to the half that is held back."""

    def join(self, chunk: Chunk) -> None:
        """Joins halves in the texts of `chunk`; a half at the end of a text is held back."""
        for choice in chunk.choices or ():
            if choice.text:
                choice.as_chat()
            if choice.delta is not None:
                self._join(choice.delta)
            if choice.message is not None:
                for name in TEXTS:
                    if getattr(choice.message, name) is not None:
                        self.held.pop(name, None)  # a whole text has both halves
                self._join(choice.message)

    def rest(self) -> Delta:
        """What is still held back when nothing more comes."""
        held, self.held = self.held, {}
        rest = Delta()
        for name in held:
            if isinstance(name, str):
                setattr(rest, name, LOST)
        return rest

    def _join(self, delta: Delta) -> None:
        for name in TEXTS:
            text = getattr(delta, name)
            if isinstance(text, str):
                setattr(delta, name, self._whole(name, text))
            elif text is not None:
                setattr(delta, name, json.clean(text))
        for call in delta.tool_calls or ():
            if call.function is not None:
                self._function(call.index or 0, call.function)
            if call.custom is not None:
                self._custom(call.index or 0, call.custom)
        if delta.function_call is not None:
            self._function(0, delta.function_call)

    def _function(self, index: int, function: Function) -> None:
        function.name = None if function.name is None else well_formed(function.name)
        function.arguments = None if function.arguments is None else self._whole(index, function.arguments)

    def _custom(self, index: int, custom: Custom) -> None:
        custom.name = None if custom.name is None else well_formed(custom.name)
        custom.input = None if custom.input is None else self._whole(index, custom.input)

    def _whole(self, key: str | int, text: str) -> str:
        text = self.held.pop(key, "") + text
        if text and "\ud800" <= text[-1] <= "\udbff":
            self.held[key] = text[-1]
            text = text[:-1]
        return well_formed(text)
