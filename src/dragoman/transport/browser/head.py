"""A reply's head, from the lines that libcurl reports. Knows no transfer."""

from dragoman.errors import BadEventError
from dragoman.transport.heads import MAX_HEAD, MAX_INFORMATIONAL, SWITCHING, TOO_LARGE, check_reply_head
from dragoman.types import ResponseHead


class Head:
    """Collects the lines of one reply's head; those of interim replies are skipped, up to a limit."""

    def __init__(self, host: str) -> None:
        self._host = host
        self._size = 0
        self._interim = 0
        self._status = 0
        self._headers: list[tuple[bytes, bytes]] = []

    @property
    def begun(self) -> bool:
        """Whether any of it has come."""
        return self._size > 0

    def feed(self, line: bytes) -> ResponseHead | None:
        """The head, once it is complete. Raises BadEventError for an ambiguous one, of which libcurl accepts many."""
        self._size += len(line)
        if self._size > MAX_HEAD:
            raise BadEventError(f"{self._host}: expected a head of at most {MAX_HEAD} bytes", code=TOO_LARGE)
        if line.startswith(b"HTTP/"):
            words = line.split(None, 2)
            self._status = int(words[1]) if len(words) > 1 and words[1].isdigit() else 0
            self._headers = []
        elif line.strip():
            name, _, value = line.partition(b":")
            self._headers.append((name.strip(), value.strip()))
        elif self._status < 200 and self._status != SWITCHING:
            self._interim += 1
            if self._interim > MAX_INFORMATIONAL:
                said = f"{self._host}: expected at most {MAX_INFORMATIONAL} interim replies"
                raise BadEventError(said, code=TOO_LARGE)
        else:
            head = ResponseHead(self._status, tuple(self._headers))
            check_reply_head(head, self._host)
            return head
        return None
