"""`python -m bench.dialects`: how many events a second taps and translations of each dialect do, without sockets.

Everything is measured in one process, round by round in turns, so that the ratios hold on a noisy machine: of the relay
of each dialect to Chat's, and of each translation to the relay of its service's dialect.
"""

import argparse
import json
from collections.abc import Callable, Sequence
from statistics import median
from time import perf_counter
from typing import Any

from dragoman.engine.env import system_env
from dragoman.protocols.registry import DIALECTS
from dragoman.protocols.relay import Tap
from dragoman.types import (
    ChatRequest,
    PartDelta,
    PartEnd,
    PartStart,
    ResponseEnd,
    ResponseStart,
    ServerRequest,
    StreamEvent,
    Text,
    Usage,
    user,
)

EVENTS = 1000
TEXTS = [f" word{number % 97}" for number in range(EVENTS)]
READ = 32 << 10
"""Bytes of one read of a fast service."""

PATHS = {
    "openai-chat": "/v1/chat/completions",
    "openai-responses": "/v1/responses",
    "anthropic": "/v1/messages",
    "gemini": "/v1beta/models/m:streamGenerateContent",
    "ollama": "/api/chat",
}
PAIRS = (
    ("anthropic", "openai-chat"),
    ("openai-chat", "anthropic"),
    ("openai-responses", "openai-chat"),
    ("gemini", "openai-chat"),
    ("ollama", "openai-chat"),
)
"""Callers and services."""

REQUEST = ChatRequest(model="m", messages=(user("hi"),))
BODIES: dict[str, dict[str, Any]] = {
    "openai-responses": {"input": "hi"},
    "gemini": {"contents": [{"parts": [{"text": "hi"}]}]},
    "ollama": {"messages": [{"role": "user", "content": "hi"}], "options": {"num_predict": 9}},
}


def answer(texts: Sequence[str]) -> list[StreamEvent]:
    """An answer of these pieces of text."""
    begin: list[StreamEvent] = [ResponseStart("id", "m", 1), PartStart(Text(text=""))]
    return [*begin, *map(PartDelta, texts), PartEnd(), ResponseEnd("stop", Usage(9, len(texts)))]


def stream(dialect: str, texts: Sequence[str] = TEXTS) -> bytes:
    """The answer as the dialect writes it."""
    server: Any = DIALECTS[dialect].server
    data: bytes = server().encoder(REQUEST, system_env()).send(answer(texts))
    return data


def body_of(dialect: str, model: str = "m") -> dict[str, Any]:
    """A caller's question in this dialect, for a stream."""
    messages = {"max_tokens": 9, "messages": [{"role": "user", "content": "hi"}]}
    body: dict[str, Any] = {"model": model, "stream": True, **BODIES.get(dialect, messages)}
    return BODIES[dialect] if dialect == "gemini" else body  # its path says the rest


def tap(dialect: str) -> Tap:
    """A tap for such an answer."""
    server: Any = DIALECTS[dialect].server
    body = json.dumps(body_of(dialect)).encode()
    call = ServerRequest(method="POST", path=PATHS[dialect], query="alt=sse", body=body)
    tapping: Tap = server().reader.at_once(call).tap()
    return tapping


def relayed(dialect: str, reads: Sequence[bytes]) -> None:
    """One answer passes."""
    passing = tap(dialect)
    for read in reads:
        passing.feed(read)
    passing.finish()
    assert passing.error is None


def translated(caller: str, service: str, reads: Sequence[bytes]) -> None:
    """One answer is decoded and encoded, batch by batch."""
    client: Any = DIALECTS[service].client
    server: Any = DIALECTS[caller].server
    decoder = client("http://service").decoder(REQUEST)
    encoder = server().encoder(REQUEST, system_env())
    for read in reads:
        encoder.send(decoder.feed(read))
    encoder.send(decoder.finish())
    assert decoder.error is None


def cut(data: bytes) -> list[bytes]:
    """The reads of a fast service."""
    return [data[i : i + READ] for i in range(0, len(data), READ)]


def rate(work: Callable[[], None]) -> float:
    """Events a second."""
    begun = perf_counter()
    work()
    return EVENTS / (perf_counter() - begun)


def main() -> None:
    """Measures, and prints a table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=21)
    rounds = parser.parse_args().rounds
    reads = {dialect: cut(stream(dialect)) for dialect in PATHS}
    works: dict[str, Callable[[], None]] = {}
    for dialect in PATHS:
        works[f"relay {dialect}"] = lambda dialect=dialect: relayed(dialect, reads[dialect])  # type: ignore[misc]
    for caller, service in PAIRS:
        works[f"{caller} -> {service}"] = lambda one=caller, other=service: translated(one, other, reads[other])  # type: ignore[misc]
    found: dict[str, list[float]] = {name: [] for name in works}
    for _ in range(rounds):
        for name, work in works.items():
            found[name].append(rate(work))
    rates = {name: median(values) for name, values in found.items()}
    chat = rates["relay openai-chat"]
    for dialect in PATHS:
        name = f"relay {dialect}"
        print(f"{name:32} {rates[name]:12,.0f} events/s  {rates[name] / chat:5.2f} of the relay of Chat")
    for caller, service in PAIRS:
        name, relay = f"{caller} -> {service}", rates[f"relay {service}"]
        print(f"{name:32} {rates[name]:12,.0f} events/s  {rates[name] / relay:5.2f} of the relay of {service}")


if __name__ == "__main__":
    main()
