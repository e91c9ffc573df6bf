"""A JSON array that arrives in pieces: its objects, each as soon as it is complete. Knows no vendor."""

import re

MARK = re.compile(rb'\\.|["{}\[\]]', re.DOTALL)
OPENING = (b"{", b"[")


class JsonArrayReader:
    """Objects from bytes cut anywhere. `complete`: the array's own bracket has closed; what follows is not read."""

    def __init__(self) -> None:
        self.complete = False
        self._data = b""
        """What is not handed out yet, from the beginning of the open object on."""
        self._at = 0
        """Up to here it has been read."""
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
        data = self._data + data if self._data else data
        # A backslash at the end is read with the byte that follows it.
        at, begin, last = self._at, 0, len(data)
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
                    found.append(data[begin:at])
                    begin = at
                elif self._depth <= 0:
                    self.complete = True
                    self._data, self._at = b"", 0
                    return found
        if self._depth < 2:
            begin = last
        rest = data.find(b"\\", at) if self._in_string else -1
        self._data, self._at = data[begin:], (last if rest < 0 else rest) - begin
        return found
