"""The reply of a proxy that refuses to pass a request on. Knows no protocol except HTTP."""

from dragoman.errors import ConnectError
from dragoman.transport.base import Reply
from dragoman.transport.http.target import Origin


def check_proxy(reply: Reply, origin: Origin) -> None:
    """Closes a reply in which the proxy, and not the service, asks for credentials. Raises ConnectError."""
    if origin.forwarded and origin.proxy is not None and reply.head.status == 407:
        reply.close()
        raise ConnectError(f"{origin.proxy.name} refused the request: 407", code="proxy_error")
