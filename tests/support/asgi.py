"""The gateway as an ASGI application, under a server that is a real one."""

import asyncio
import socket
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import uvicorn

from dragoman.client import Client
from dragoman.config import Config
from dragoman.gateway import Gateway, ServerTimeouts
from dragoman.gateway.asgi import AsgiGateway
from dragoman.gateway.observe import Observer
from tests.support.gateway import LOCAL


@asynccontextmanager
async def under_uvicorn(
    config: Config = LOCAL,
    *,
    client: Client | None = None,
    timeouts: ServerTimeouts | None = None,
    http: str = "httptools",
    observers: Sequence[Observer] = (),
) -> AsyncIterator[str]:
    """The URL of a gateway that uvicorn serves until the block ends."""
    app = AsgiGateway(Gateway(config, client=client, timeouts=timeouts, observers=observers))
    listener = socket.create_server(("127.0.0.1", 0))
    server = uvicorn.Server(
        uvicorn.Config(app, http=http, ws="none", lifespan="on", log_config=None, timeout_graceful_shutdown=1)
    )
    serving = asyncio.create_task(server.serve(sockets=[listener]))
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        server.should_exit = True
        await serving
