"""A TCP connection to one of several addresses, tried without waiting for the dead ones. Knows no TLS and no HTTP."""

import asyncio
import socket
from collections.abc import Sequence
from itertools import chain, zip_longest

STAGGER = 0.25
"""Seconds before the next address is tried while the last still is: RFC 8305 recommends 0.25, curl takes 0.2."""

Address = tuple[
    socket.AddressFamily, socket.SocketKind, int, str, tuple[str, int] | tuple[str, int, int, int] | tuple[int, bytes]
]


async def open_socket(addresses: list[Address]) -> socket.socket:
    """A connected socket: that of the address which answers first (RFC 8305). Raises OSError."""
    return await (_connect(addresses[0]) if len(addresses) == 1 else _race(addresses))


def single_address(addresses: list[Address]) -> str | None:
    """The address as text, if there is only one and it is complete as text; an IPv6 address may have a scope."""
    place = addresses[0][4]
    return str(place[0]) if len(addresses) == 1 and not any(place[2:]) else None


def alternating(addresses: Sequence[Address]) -> list[Address]:
    """IPv6 and IPv4 by turns, each in the resolver's order."""
    first = [address for address in addresses if address[0] == addresses[0][0]]
    others = [address for address in addresses if address[0] != addresses[0][0]]
    return [address for address in chain.from_iterable(zip_longest(first, others)) if address]


async def _connect(address: Address) -> socket.socket:
    family, kind, protocol, _, place = address
    made = socket.socket(family, kind, protocol)
    try:
        made.setblocking(False)
        await asyncio.get_running_loop().sock_connect(made, place)
    except BaseException:
        made.close()
        raise
    return made


async def _race(addresses: list[Address]) -> socket.socket:
    running: set[asyncio.Task[socket.socket]] = set()
    errors: list[BaseException] = []
    try:
        for number, address in enumerate(addresses, 1):
            running.add(asyncio.create_task(_connect(address)))
            patience = STAGGER if number < len(addresses) else None
            while running:
                done, _ = await asyncio.wait(running, timeout=patience, return_when=asyncio.FIRST_COMPLETED)
                for task in done:
                    running.discard(task)
                    error = task.exception()
                    if error is None:
                        running |= done - {task}
                        return task.result()
                    errors.append(error)
                if patience is not None:
                    break
    finally:
        for task in running:
            task.cancel()
            task.add_done_callback(_close)
    raise errors[0]


def _close(task: asyncio.Task[socket.socket]) -> None:
    if not task.cancelled() and task.exception() is None:
        task.result().close()
