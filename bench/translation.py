"""`python -m bench.translation`: what each translation costs, from a service's bytes to a caller's, in µs an event.

In one process and without sockets, round by round in turns: the decoder, the engine, the gateway's answer, the encoder
and the HTTP framing, for each pair of dialects; and the tap of the relay on the same bytes. An answer of 100 events
comes as one read (`burst`), or each event by itself (`alone`). What a request costs before its answer is not in it.
"""

import argparse
import asyncio
from itertools import product
from time import process_time
from typing import Any

from bench.dialects import PATHS, answer, tap
from dragoman.engine.answer import Answer
from dragoman.engine.call import receive
from dragoman.engine.env import system_env
from dragoman.engine.service import Service
from dragoman.gateway.answer import answer_stream
from dragoman.gateway.http.http_writer import HttpResponseWriter
from dragoman.protocols.registry import DIALECTS
from dragoman.transport.base import Reply, Route
from dragoman.types import ChatRequest, Outcome, ResponseHead, user

EVENTS = 100
TEXTS = [f" word{number % 97}" for number in range(EVENTS)]
REQUEST = ChatRequest(model="m", messages=(user("hi"),), stream=True)
RELAY = "relay"

Reads = list[list[bytes]]
"""Of each read, its pieces."""


class Arrived(Reply):
    """A reply of which all has arrived."""

    head = ResponseHead(200)

    def __init__(self, reads: Reads) -> None:
        self._reads = iter(reads)

    @property
    def ready(self) -> bool:
        return True

    async def read(self) -> list[bytes]:
        return next(self._reads, [])

    def close(self) -> None:
        """Nothing is open."""


class Nobody:
    """A caller's connection that takes everything."""

    congested = None

    @property
    def service(self) -> "Nobody":
        return self

    def write(self, data: bytes) -> None: ...

    def connect(self, outlet: object) -> None: ...

    def response_ended(self, writer: object, *, keep_alive: bool) -> bool:
        return True

    def has_sent(self, writer: object) -> bool:
        return True

    def await_sending(self, writer: object) -> None: ...

    def release(self, writer: object) -> None: ...

    def postpone(self, writer: object) -> None: ...

    def reset_on_close(self, on: bool) -> None: ...

    may_switch = False

    def switch(self, websocket: object) -> None: ...

    def hand_over(self, give: object) -> bool:
        return False


def events(dialect: str) -> list[bytes]:
    """The answer as the dialect writes it, event by event."""
    server: Any = DIALECTS[dialect].server
    encoder = server().encoder(REQUEST, system_env())
    return [data for event in answer(TEXTS) if (data := encoder.send([event]))]


class Translation:
    """Answers of one dialect for callers of another."""

    def __init__(self, caller: str, service: str) -> None:
        client: Any = DIALECTS[service].client
        server: Any = DIALECTS[caller].server
        nothing: Any = None
        self._codec = server()
        self._service = Service("service", client("http://service"), nothing, Route())

    async def carry(self, reads: Reads) -> None:
        """One answer, from a service's bytes to a caller's."""

        async def opened(request: ChatRequest) -> Answer:
            return await receive(self._service, request, Arrived(reads))

        writer = HttpResponseWriter(Nobody(), Outcome("id", "POST", "/", 0.0))
        await answer_stream(opened, self._codec, REQUEST, writer, clean=True)
        if not writer.complete:
            raise SystemExit(f"{self._codec.name}: the answer broke off")


def relayed(dialect: str, reads: Reads) -> None:
    """One answer passes."""
    passing = tap(dialect)
    for pieces in reads:
        data = passing.feed_pieces(pieces.copy())
        b"%x\r\n%b\r\n" % (len(data), data)
    passing.finish()
    if passing.error is not None:
        raise SystemExit(f"{dialect}: {passing.error}")


async def measured(rounds: int, streams: dict[str, Reads]) -> dict[tuple[str, str], float]:
    """The least of all rounds for each caller (or RELAY) and service, in µs an event."""
    pairs = {pair: Translation(*pair) for pair in product(PATHS, PATHS) if pair[0] != pair[1]}
    found: dict[tuple[str, str], float] = {}

    def note(pair: tuple[str, str], begun: float) -> None:
        spent = (process_time() - begun) * 1e6 / EVENTS
        found[pair] = min(spent, found.get(pair, spent))

    for _ in range(rounds):
        for dialect, reads in streams.items():
            begun = process_time()
            relayed(dialect, reads)
            note((RELAY, dialect), begun)
        for pair, translation in pairs.items():
            begun = process_time()
            await translation.carry(streams[pair[1]])
            note(pair, begun)
    return found


def show(title: str, found: dict[tuple[str, str], float]) -> None:
    """Prints a table."""
    print(f"\n{title}, µs an event; callers by services\n{'':16}" + "".join(f"{name:>17}" for name in PATHS))
    for caller in (RELAY, *PATHS):
        row = (f"{found[caller, service]:17.2f}" if (caller, service) in found else f"{'':17}" for service in PATHS)
        print(f"{caller:16}" + "".join(row))


def main() -> None:
    """Measures, and prints two tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=21)
    rounds = parser.parse_args().rounds
    pieces = {dialect: events(dialect) for dialect in PATHS}
    show("burst", asyncio.run(measured(rounds, {dialect: [each] for dialect, each in pieces.items()})))
    show("alone", asyncio.run(measured(rounds, {name: [[one] for one in each] for name, each in pieces.items()})))


if __name__ == "__main__":
    main()
