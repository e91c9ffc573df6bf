"""The relay of each dialect, and translations between them, through the gateway over sockets: the part `dialects`.

As bursts, in turns, so that the ratios hold on a noisy machine: of each relay to Chat's, and of each translation to the
relay of its service's dialect. And as paced streams, each by a process of its own.
"""

import re
from collections.abc import Sequence
from statistics import median

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from bench import paced
from bench.contenders import BEARER, HERE, KEY, Contender, Ground
from bench.dialects import PAIRS, PATHS, body_of, stream
from bench.load import Ask, Kind, post
from bench.paced import OpenStreams, hold
from bench.process import free_port
from bench.roster import wanted
from bench.speed import WARM, Turn, check, good, turn
from bench.steal import marked
from bench.text import Rows, aligned, number

WORDS = ("word ",) * 100
STAMP = f"@{0:015} "
"""Where the upstream says when a paced event was due."""

MARKS = {
    "openai-chat": "data: [DONE]",
    "openai-responses": '"total_tokens":',
    "anthropic": "message_stop",
    "gemini": "finishReason",
    "ollama": '"done":true',
}
"""What only the end of an answer holds."""

HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: %b\r\nTransfer-Encoding: chunked\r\n\r\n"
LINES = b"application/x-ndjson"
EVENT = re.compile(rb".+?(?:\n\n|\r\n\r\n)", re.DOTALL)

GATEWAY = """
[gateway]
host = "127.0.0.1"
port = {port}
api_keys = ["{key}"]
request_log = "{log}"
"""
SERVICE = """
[providers.{name}]
protocol = "{name}"
url = "http://127.0.0.1:{upstream}/{name}"
api_key = "upstream-key"

[models.{name}]
targets = ["{name}/bench"]

[providers.{name}-paced]
protocol = "{name}"
url = "http://127.0.0.1:{upstream}/paced/{name}"
api_key = "upstream-key"

[models.{name}-paced]
targets = ["{name}-paced/bench"]
"""


class Exchanges(Struct, frozen=True):
    """What was measured: bursts, and paced streams."""

    bursts: list[Turn]
    paced: list[OpenStreams]


def pairs() -> list[tuple[str, str]]:
    """Callers and services: each dialect with itself, and translations."""
    return [*((dialect, dialect) for dialect in PATHS), *PAIRS]


def title(caller: str, service: str) -> str:
    """The name of a pair."""
    return f"relay {caller}" if caller == service else f"{caller} -> {service}"


def reply(dialect: str, texts: Sequence[str] = WORDS) -> bytes:
    """An answer of the dialect as a service sends it: each event a chunk."""
    body = stream(dialect, texts)
    ollama = dialect == "ollama"
    events = body.splitlines(keepends=True) if ollama else EVENT.findall(body)
    chunks = [b"%x\r\n%b\r\n" % (len(event), event) for event in [*events, b""]]
    return HEAD % (LINES if ollama else b"text/event-stream") + b"".join(chunks)


def ask(caller: str, service: str, port: int) -> Ask:
    """A question of a program that speaks one dialect, for a model of a service of another."""
    path = PATHS[caller].replace("/m:", f"/{service}:")
    path += "?alt=sse" if caller == "gemini" else ""
    request = post(port, path, msgspec.json.encode(body_of(caller, service)), BEARER)
    words = stream(caller, WORDS).count(b"word ")
    return Ask(request, MARKS[caller], len(WORDS), words, steady=caller == service)


def asks(caller: str, service: str, port: int, events: int) -> dict[Kind, Ask]:
    """As a burst, and as a paced stream of so many events, the last of which is the end."""
    burst = ask(caller, service, port)
    slow = replace(ask(caller, f"{service}-paced", port), words=0, events=events, frames=events - 1, steady=False)
    return {"stream": burst, "paced": slow}


def services(ground: Ground) -> int:
    """The port of an upstream that speaks all dialects."""
    replies: list[str] = []
    for dialect in PATHS:
        for prefix, texts in ((f"/{dialect}/", WORDS), (f"/paced/{dialect}/", (STAMP,) * (ground.events - 1))):
            file = ground.place / f"{prefix.strip('/').replace('/', '-')}.reply"
            file.write_bytes(reply(dialect, texts))
            replies += [prefix, str(file)]
    port, _ = ground.service(*replies)
    return port


def chosen(only: list[str]) -> list[tuple[str, str]]:
    """The pairs whose names hold one of the texts `only`; all are dragoman's."""
    return [pair for pair in pairs() if wanted((f"dragoman, {title(*pair)}",), only)]


def started(ground: Ground, upstream: int) -> list[Contender]:
    """A gateway before services of all dialects, and what it is asked: one for each pair."""
    port = free_port()
    settings = ground.place / "dialects.toml"
    served = [SERVICE.format(name=dialect, upstream=upstream) for dialect in PATHS]
    log = ground.place / "dialects.jsonl"
    settings.write_text(GATEWAY.format(port=port, key=KEY, log=log) + "".join(served))
    pid = ground.start([str(HERE / "dragoman"), "serve", "--config", str(settings)], port, "gateway")
    return [Contender(title(*pair), port, pid, asks(*pair, port, ground.events)) for pair in pairs()]


def bursts(ground: Ground, seconds: float, rounds: int, only: list[str]) -> list[Turn]:
    """All turns of answers whose events come back to back."""
    with ground.passing():
        names = [title(*pair) for pair in chosen(only)]
        contenders = [each for each in started(ground, services(ground)) if each.name in names]
        for each in contenders:
            check(each, "stream")
            turn(ground.load, each, "stream", "warm", seconds=min(WARM, seconds))
        return [
            turn(ground.load, each, "stream", "full", seconds=seconds) for _ in range(rounds) for each in contenders
        ]


def held(ground: Ground, streams: int, rounds: int, only: list[str]) -> list[OpenStreams]:
    """All holds of paced streams."""
    found: list[OpenStreams] = []
    with ground.passing():
        upstream = services(ground)
        for _ in range(rounds):
            for pair in chosen(only):
                with ground.passing():
                    found.append(hold(ground, started(ground, upstream)[pairs().index(pair)], streams))
                print(found[-1], flush=True)
    return found


def measure(ground: Ground, seconds: float, rounds: int, streams: int, only: list[str]) -> Exchanges:
    """Bursts and paced streams, and tables of both."""
    burst = bursts(ground, seconds, rounds, only)
    print(aligned(burst_rows(burst)))
    slow = held(ground, streams, rounds, only)
    print(f"\n{aligned(paced_rows(slow))}")
    return Exchanges(burst, slow)


def burst_rows(turns: list[Turn]) -> Rows:
    """Costs of an answer, and what each pair is compared with."""
    rows = [["bursts of 100 events", "answers a second", "CPU µs", "µs an event", "times", "of", "steal"]]
    spent = {title(*pair): _middle(turns, title(*pair)) for pair in pairs()}
    for caller, service in pairs():
        name, base = title(caller, service), _base(caller, service)
        mine = [turn for turn in turns if turn.contender == name]
        if not mine:
            continue
        rates = [sample.rate for sample in good(turns, name, "stream", "full")]
        rows.append(
            [
                name if rates else f"{name} [void]",
                number(median(rates) if rates else None, 0),
                number(spent[name], 1),
                number(spent[name] / len(WORDS), 2),
                number(spent[name] / spent[base], 2),
                base,
                f"{sum(marked(turn.steal) for turn in mine)} of {len(mine)}",
            ]
        )
        rows += [[f"  {fault}"] for fault in sorted({turn.fault for turn in mine if turn.fault})]
    return rows


def paced_rows(holds: list[OpenStreams]) -> Rows:
    """Costs of an event that comes alone, compared with the relay of Chat."""
    return paced.rows(holds, title("openai-chat", "openai-chat"))


def _base(caller: str, service: str) -> str:
    chat = title("openai-chat", "openai-chat")
    return chat if caller == service else title(service, service)


def _middle(turns: list[Turn], name: str) -> float:
    """The median of the time that an answer took, in microseconds; NaN where a turn had a fault."""
    found = [each.cpu_us for each in good(turns, name, "stream", "full") if each.cpu_us is not None]
    return median(found) if found else float("nan")
