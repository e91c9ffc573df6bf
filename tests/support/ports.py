"""Sockets of this machine: a port where nobody listens, and an end without a farewell."""

import os
import socket
from itertools import count

FIRST, LAST = 20_000, 32_000
"""Ports that no system gives out by itself as a rule: who asks for any port, as most tests do, gets none of them."""

_tries = count(os.getpid() * 397)  # so that processes side by side begin at others


def free_port() -> int:
    """A port of 127.0.0.1 on which nobody listens, and which nobody gets by chance meanwhile."""
    while True:
        port = FIRST + next(_tries) % (LAST - FIRST)
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port


def send_fin(number: int) -> None:
    """FIN on the socket with this descriptor, which belongs to a transport, without TLS's own farewell."""
    found = socket.socket(fileno=number)
    found.shutdown(socket.SHUT_WR)
    found.detach()
