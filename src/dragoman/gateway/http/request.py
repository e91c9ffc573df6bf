"""One request as it arrives. Knows no connection."""

from dragoman.gateway.app import Admitted
from dragoman.gateway.http.caller import HttpCaller
from dragoman.types import HttpCall


class Request:
    """A request as it arrives.

    `upgrade`: it asked for another protocol. `discarded`: the rest of its body is dropped. `whole`: all of it is here.
    """

    modern = True
    keep = True
    upgrade = False
    admitted: Admitted | None = None
    caller: HttpCaller | None = None
    size = 0
    discarded = False
    whole = False

    def __init__(self, call: HttpCall) -> None:
        self.call = call
        self.pieces: list[bytes] = []


def framing(call: HttpCall) -> list[tuple[bytes, bytes]]:
    """The fields that say how long its body is."""
    return [field for field in call.headers if field[0] in {b"content-length", b"transfer-encoding"}]
