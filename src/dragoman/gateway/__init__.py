"""Being called over HTTP: a gateway in front of a client, our own server for it, and a door for servers of others."""

from dragoman.gateway.app import Gateway
from dragoman.gateway.serve import serve
from dragoman.gateway.waits import Waits

__all__ = ["Gateway", "Waits", "serve"]
