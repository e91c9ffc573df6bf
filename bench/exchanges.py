"""The relay of each dialect, and translations between them, through the gateway over sockets: the part `dialects`.

All take turns, so that the ratios hold on a noisy machine: of each relay to Chat's, and of each translation to the
relay of its service's dialect.
"""

import re
from statistics import median

import msgspec

from bench.contenders import BEARER, HERE, KEY, Contender, Ground
from bench.dialects import PAIRS, PATHS, body_of, stream
from bench.load import Ask, post
from bench.process import LOAD_CORE, free_port
from bench.speed import WARM, Turn, check, good, turn

WORDS = ("word ",) * 100
MARKS = {
    "openai-chat": "data: [DONE]",
    "openai-responses": '"total_tokens":109',
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
"""
Measured = dict[str, list[Turn]]


def reply(dialect: str) -> bytes:
    """An answer of the dialect as a service sends it: each event a chunk."""
    body = stream(dialect, WORDS)
    ollama = dialect == "ollama"
    events = body.splitlines(keepends=True) if ollama else EVENT.findall(body)
    chunks = [b"%x\r\n%b\r\n" % (len(event), event) for event in [*events, b""]]
    return HEAD % (LINES if ollama else b"text/event-stream") + b"".join(chunks)


def ask(caller: str, service: str, port: int) -> Ask:
    """A question of a program that speaks one dialect, for a service of another."""
    path = PATHS[caller].replace("/m:", f"/{service}:")
    path += "?alt=sse" if caller == "gemini" else ""
    request = post(port, path, msgspec.json.encode(body_of(caller, service)), BEARER)
    words = stream(caller, WORDS).count(b"word ")
    return Ask(request, MARKS[caller], len(WORDS), words, steady=caller == service)


def started(ground: Ground) -> list[Contender]:
    """A gateway before services of all dialects, and what it is asked."""
    upstream, port = free_port(), free_port()
    words: list[str] = []
    for dialect in PATHS:
        file = ground.place / f"{dialect}.reply"
        file.write_bytes(reply(dialect))
        words += [f"/{dialect}", str(file)]
    ground.start([str(ground.place / "upstream"), str(upstream), *words], upstream, "dialects", core=LOAD_CORE)
    settings = ground.place / "dialects.toml"
    services = [SERVICE.format(name=dialect, upstream=upstream) for dialect in PATHS]
    log = ground.place / "dialects.jsonl"
    settings.write_text(GATEWAY.format(port=port, key=KEY, log=log) + "".join(services))
    pid = ground.start([str(HERE / "dragoman"), "serve", "--config", str(settings)], port, "gateway")
    pairs = [*((dialect, dialect) for dialect in PATHS), *PAIRS]
    return [Contender(_name(*pair), port, pid, {"stream": ask(*pair, port)}) for pair in pairs]


def measure(ground: Ground, seconds: float, rounds: int) -> Measured:
    """All turns, and a table of them."""
    with ground.passing():
        contenders = started(ground)
        for each in contenders:
            check(each, "stream")
            turn(ground.load, each, "stream", "warm", seconds=WARM)
        turns = [
            turn(ground.load, each, "stream", "full", seconds=seconds) for _ in range(rounds) for each in contenders
        ]
    _show(turns)
    return {each.name: [turn for turn in turns if turn.contender == each.name] for each in contenders}


def _name(caller: str, service: str) -> str:
    return f"relay {caller}" if caller == service else f"{caller} -> {service}"


def _show(turns: list[Turn]) -> None:
    spent = {turn.contender: _middle(turns, turn.contender) for turn in turns}
    pairs = [*((dialect, dialect, "openai-chat") for dialect in PATHS), *((*pair, pair[1]) for pair in PAIRS)]
    for caller, service, base in pairs:
        name = _name(caller, service)
        ratio = spent[name] / spent[f"relay {base}"]
        print(f"{name:32} {spent[name]:8.1f} µs of CPU an answer  {ratio:5.2f} of the relay of {base}")


def _middle(turns: list[Turn], name: str) -> float:
    """The median of the time that an answer took, in microseconds; NaN where a turn had a fault."""
    found = [each.cpu_us for each in good(turns, name, "stream", "full") if each.cpu_us is not None]
    return median(found) if found else float("nan")
