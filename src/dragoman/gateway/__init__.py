"""Being called over HTTP: a gateway in front of a client, our own server for it, and an entry for other servers."""

from dragoman.gateway.app import Gateway
from dragoman.gateway.http.timeouts import ServerTimeouts
from dragoman.gateway.serving.serve import serve

__all__ = ["Gateway", "ServerTimeouts", "serve"]
