"""How long large bodies hold the loop: `python -m bench.turns`. What others wait, free of what else the machine does.

The gateway runs in this process, and a probe in each turn of its loop: the longest turn for one request, by the clock
(a thread that decodes may keep the loop waiting) and by processor time. Of several requests the least is given, because
what else the machine does only adds to it. Each is sent when the one before it was answered.

Sizes are measured at the front of OpenAI's chats; all other fronts, and pictures, with the largest size. The service of
a relay speaks the caller's protocol and is asked; whether its answer is one in that protocol does not matter here.
"""

import argparse
import asyncio
import json
import socket
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import uvloop
from msgspec import Struct

from bench.bodies import SIZES, body
from bench.contenders import Ground
from bench.process import BenchError, free_port
from bench.weight import WAYS, asked, history, sized
from dragoman.config import Config, GatewayConfig, ProviderConfig
from dragoman.gateway import Gateway
from dragoman.gateway.serving.serve import settle
from dragoman.gateway.serving.server import Server

Message = dict[str, Any]


class Front(Struct, frozen=True):
    """A front, and how an agent asks it. `say`: the message of one of a history as it is written there."""

    protocol: str
    path: str
    messages: str
    say: Callable[[Message], Message]
    more: dict[str, Any] = {}


def anthropic(said: Message) -> Message:
    """A message of `/v1/messages`."""
    if said["role"] == "tool":
        result = {"type": "tool_result", "tool_use_id": "c", "content": said["content"]}
        return {"role": "user", "content": [result]}
    if said["role"] == "assistant":
        call = {"type": "tool_use", "id": "c", "name": "bash", "input": {"command": "ls -la"}}
        return {"role": "assistant", "content": [call]}
    return said


def responses(said: Message) -> Message:
    """An item of `/v1/responses`."""
    if said["role"] == "tool":
        return {"type": "function_call_output", "call_id": "c", "output": said["content"]}
    if said["role"] == "assistant":
        return {"type": "function_call", "call_id": "c", "name": "bash", "arguments": '{"command": "ls -la"}'}
    return said


def gemini(said: Message) -> Message:
    """A content of Gemini."""
    if said["role"] == "tool":
        response = {"name": "bash", "response": {"output": said["content"]}}
        return {"role": "user", "parts": [{"functionResponse": response}]}
    if said["role"] == "assistant":
        return {"role": "model", "parts": [{"functionCall": {"name": "bash", "args": {"command": "ls -la"}}}]}
    return {"role": "user", "parts": [{"text": said["content"]}]}


def ollama(said: Message) -> Message:
    """A message of `/api/chat`."""
    if said["role"] == "tool":
        return {"role": "tool", "tool_name": "bash", "content": said["content"]}
    if said["role"] == "assistant":
        call = {"function": {"name": "bash", "arguments": {"command": "ls -la"}}}
        return {"role": "assistant", "content": "", "tool_calls": [call]}
    return said


PATH = b"/v1/chat/completions"
FRONTS = (
    Front("anthropic", "/v1/messages", "messages", anthropic, {"max_tokens": 100}),
    Front("openai-responses", "/v1/responses", "input", responses),
    Front("gemini", "/v1beta/models/MODEL:streamGenerateContent", "contents", gemini),
    Front("ollama", "/api/chat", "messages", ollama),
)


def front_request(front: Front, model: str, millions: float) -> bytes:
    """A conversation of an agent at `front`."""
    turn = len(json.dumps(history(1)))
    messages = [front.say(each) for each in history(round(millions * 1e6 / turn))]
    named = {} if "MODEL" in front.path else {"model": model, "stream": True}
    request = sized(json.dumps(named | front.more | {front.messages: messages}).encode())
    return request.replace(PATH, front.path.replace("MODEL", model).encode(), 1)


def pictures(model: str, millions: float) -> bytes:
    """Ten pictures."""
    url = f"data:image/png;base64,{'iVBORw0KGgoA' * round(millions * 1e5 / 12)}"
    parts = [{"type": "image_url", "image_url": {"url": url}}] * 10
    return sized(
        json.dumps({"model": model, "stream": True, "messages": [{"role": "user", "content": parts}]}).encode()
    )


class Probe:
    """Runs in each turn of a loop, which therefore never sleeps."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._last, self._computed = time.perf_counter(), time.thread_time()
        self.longest = 0.0
        """Seconds of the longest turn."""
        self.computed = 0.0
        """The most seconds of processor of one turn."""
        self.turn()

    def turn(self) -> None:
        """One turn begins."""
        now, computed = time.perf_counter(), time.thread_time()
        self.longest = max(self.longest, now - self._last)
        self.computed = max(self.computed, computed - self._computed)
        self._last, self._computed = now, computed
        self._loop.call_soon(self.turn)


class Case(Struct, frozen=True):
    """A request; `asks`: whether its answer must be a good one."""

    name: str
    request: bytes
    asks: bool = True


def cases() -> list[Case]:
    """All requests."""
    largest = SIZES[-1]
    found = []
    for way, model in WAYS.items():
        found += [Case(f"{way}, {size:3.1f} MB", sized(body(model, size))) for size in SIZES]
        found.append(Case(f"{way}, {largest:3.1f} MB of pictures", pictures(model, largest), way == "relay"))
    for front in FRONTS:
        protocol = front.protocol
        found.append(Case(f"relay, {protocol}", front_request(front, f"{protocol}/bench", largest), asks=False))
        found.append(Case(f"translate, {protocol}", front_request(front, "up/bench", largest)))
    return found


async def measured(upstream: int, count: int, chosen: list[Case]) -> None:
    """Prints a line for each request."""
    port = free_port()
    url = f"http://127.0.0.1:{upstream}"
    config = Config(
        providers={
            "up": ProviderConfig(protocol="openai-chat", url=f"{url}/v1"),
            "home": ProviderConfig(protocol="aichatfree", url=url),
        }
        | {front.protocol: ProviderConfig(protocol=front.protocol, url=url) for front in FRONTS},
        gateway=GatewayConfig(port=port),
    )
    loop = asyncio.get_running_loop()
    server = Server(Gateway(config))
    listener = socket.create_server(("127.0.0.1", port))
    ready = asyncio.Event()
    running = asyncio.ensure_future(server.run([listener], ready.set))
    await ready.wait()
    settle()
    probe = Probe(loop)
    for case in chosen:
        turns = []
        for _ in range(count + 1):
            probe.longest = probe.computed = 0.0
            status = await asyncio.to_thread(asked, port, case.request)
            if case.asks and status != 200:
                raise BenchError(f"{case.name}: expected 200, got {status}")
            turns.append((probe.longest, probe.computed))
        longest, computed = (sorted(each) for each in zip(*turns[1:], strict=True))
        print(
            f"  {case.name:28} the longest turn {longest[0] * 1000:5.1f} ms (median {longest[count // 2] * 1000:5.1f}),"
            f" processor {computed[0] * 1000:5.1f} ms",
            flush=True,
        )
    server.stop()
    await running


def main(words: list[str]) -> str | None:
    """What kept it from being run, if anything did."""
    parser = argparse.ArgumentParser(prog="python -m bench.turns", description=__doc__)
    parser.add_argument("--count", type=int, default=20, help="requests of each size [20]")
    parser.add_argument("--only", default="", metavar="TEXT", help="requests whose name holds TEXT")
    chosen = parser.parse_args(words)
    found = [case for case in cases() if chosen.only in case.name]
    try:
        with tempfile.TemporaryDirectory(prefix="bench-") as place, Ground(Path(place)) as ground:
            uvloop.run(measured(ground.upstream, chosen.count, found))
    except BenchError as exc:
        return f"bench: {exc}"
    return None


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
