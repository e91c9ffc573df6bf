"""Servers of models on this machine that no configuration names, found on the ports that they usually take.

Only this machine is asked, and no key is sent, because any program may listen on a port.
"""

import asyncio
from collections.abc import Collection, Iterable
from itertools import groupby
from urllib.parse import urlsplit

from msgspec import Struct

from dragoman.client.listing import PATIENCE
from dragoman.engine.service import Service, fetch
from dragoman.errors import AuthenticationError, DragomanError
from dragoman.protocols.openai_chat import OpenAIChatClient
from dragoman.protocols.openai_chat.models import decode_models, decode_owners, models_request
from dragoman.providers.openai_services.row import LocalServer
from dragoman.transport.base import Route, Timeouts, Transport
from dragoman.transport.http.target import is_loopback

CONNECT = 0.3
"""Seconds for the connection: this machine answers or refuses at once, unless a firewall drops what comes."""

MAX_LIST = 1 << 20
"""Bytes of a list: a server here has some hundred models at most."""

ROUTE = Route(timeouts=Timeouts(connect=CONNECT, first_byte=PATIENCE, idle=PATIENCE, total=PATIENCE))

UNKNOWN = "OpenAI's protocol"
"""How a server is named if it matches none in the table."""


class FoundServer(Struct, frozen=True):
    """A server that answers at `url`. `servers`: what it may be, the likeliest first; empty: none of the table."""

    url: str
    servers: tuple[LocalServer, ...]
    models: tuple[str, ...] = ()
    keyed: bool = False
    """Whether it wants a key, which is why its models are not known."""

    @property
    def title(self) -> str:
        """What it may be, in words."""
        return " or ".join(server.title for server in self.servers) or UNKNOWN

    def entry(self, configured: Collection[str], catalogue: Collection[str]) -> str:
        """The lines of a configuration that name it, as TOML, in which the services `configured` have their names."""
        known = next((server.name for server in self.servers if server.name in catalogue), "")
        name = known or (self.servers[0].name if self.servers else f"local{port_of(self.url)}")
        lines = [f"[providers.{name}]"]
        if name in configured:
            lines = [f"[providers.{name}-{port_of(self.url)}]", *([f'type = "{name}"'] if known else [])]
        if not known:
            lines += ['protocol = "openai-chat"', f'url = "{self.url}"']
        if self.keyed:
            lines.append(f'api_key = {{ env = "{name.upper()}_API_KEY" }}')
        return "\n".join(lines)


async def find_servers(
    servers: Iterable[LocalServer], transport: Transport, taken: Collection[int | None]
) -> tuple[FoundServer, ...]:
    """Those of `servers` that answer, asked at the same time; `taken`: ports of which a configuration speaks."""
    asked = sorted((each for each in servers if is_loopback(each.url)), key=lambda server: server.url)
    places = [(url, tuple(candidates)) for url, candidates in groupby(asked, lambda server: server.url)]
    answers = await asyncio.gather(
        *(_ask(url, candidates, transport) for url, candidates in places if port_of(url) not in taken)
    )
    return tuple(answer for answer in answers if answer is not None)


def port_of(url: str) -> int | None:
    """The port that `url` names."""
    try:
        return urlsplit(url).port
    except ValueError:
        return None


async def _ask(url: str, candidates: tuple[LocalServer, ...], transport: Transport) -> FoundServer | None:
    try:
        async with asyncio.timeout(PATIENCE):
            reply = await fetch(
                Service(url, OpenAIChatClient(url), transport, ROUTE), models_request(url, None), MAX_LIST
            )
        return FoundServer(url, _likely(candidates, decode_owners(reply)), decode_models(reply))
    except AuthenticationError:
        keyed = tuple(server for server in candidates if server.keyed)
        return FoundServer(url, keyed, keyed=True) if keyed else None
    except (DragomanError, TimeoutError):
        return None


def _likely(candidates: tuple[LocalServer, ...], owners: Collection[str]) -> tuple[LocalServer, ...]:
    """Those whose models have these owners; without any, those whose models have no owner in particular."""
    sure = tuple(server for server in candidates if server.owner and server.owner in owners)
    return sure or tuple(server for server in candidates if not server.owner)
