"""Sockets of this machine: a port where nobody listens, and an end without a farewell."""

import socket


def free_port() -> int:
    """A port of 127.0.0.1 on which nobody listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def send_fin(number: int) -> None:
    """FIN on the socket with this descriptor, which belongs to a transport, without TLS's own farewell."""
    found = socket.socket(fileno=number)
    found.shutdown(socket.SHUT_WR)
    found.detach()
