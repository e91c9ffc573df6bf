"""Whether JSON text that arrives in pieces is complete. Reads each character once; does not know what it means."""

import re

_MARK = re.compile(r'\\.|\\\Z|["{}\[\]]', re.DOTALL)


class Brackets:
    """Follows an object or array to the bracket that closes it. From then on `whole` is True."""

    def __init__(self) -> None:
        self.whole = False
        self._depth = 0
        self._in_string = False
        self._escaped = False

    def feed(self, text: str) -> None:
        """Takes the next piece."""
        start = 1 if self._escaped else 0
        if text:
            self._escaped = False
        for found in _MARK.finditer(text, start):
            mark = found[0]
            if mark[0] == "\\":
                self._escaped = len(mark) == 1
            elif mark == '"':
                self._in_string = not self._in_string
            elif not self._in_string:
                self._depth += 1 if mark in "{[" else -1
                self.whole = self.whole or self._depth <= 0
