"""A JSON array that arrives in pieces: its objects, each as soon as it is complete. Knows no vendor."""

import re

MARK = re.compile(rb'\\.|["{}\[\]]', re.DOTALL)
OPENING = (b"{", b"[")


class JsonArrayReader:
    """Objects from bytes cut anywhere. `complete`: the array's own bracket has closed; what follows is not read."""

    def __init__(self) -> None:
        self.complete = False
        self._held: list[bytes] = []
        """Pieces of the open object."""
        self._tail = b""
        """A backslash that came last: it is read with the byte that follows it."""
        self._depth = 0
        self._in_string = False

    @property
    def inside(self) -> bool:
        """Whether an object has begun and is not complete."""
        return self._depth > 1

    def feed(self, data: bytes) -> list[bytes]:
        """The objects that `data` completes."""
        found: list[bytes] = []
        if self.complete:
            return found
        data = self._tail + data
        at = begin = 0
        while (mark := MARK.search(data, at)) is not None:
            at = mark.end()
            sign = mark[0]
            if sign.startswith(b"\\"):
                continue
            if sign == b'"':
                self._in_string = not self._in_string
            elif self._in_string:
                continue
            elif sign in OPENING:
                self._depth += 1
                if self._depth == 2:
                    begin = mark.start()
            else:
                self._depth -= 1
                if self._depth == 1:
                    found.append(b"".join([*self._held, data[begin:at]]))
                    self._held.clear()
                elif self._depth <= 0:
                    self.complete = True
                    return found
        rest = data.find(b"\\", at)
        end = len(data) if rest < 0 else rest
        self._tail = data[end:]
        if self._depth > 1:
            self._held.append(data[begin:end])
        return found
