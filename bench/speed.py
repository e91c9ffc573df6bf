"""Answers a second, time a request, latency: contenders take turns, so that a slow spell of the machine meets all."""

from http.client import HTTPConnection
from statistics import median

from msgspec import Struct
from msgspec.structs import replace

from bench.contenders import Contender, Ground
from bench.load import CONNECTIONS, Kind, Load, Sample
from bench.process import BenchError, cpu_seconds, memory_kib
from bench.steal import Watch
from bench.steal import shown as shown_steal

KINDS: tuple[Kind, ...] = ("json", "stream")
WARM = 0.5
"""Seconds of load before anything is counted."""


class Turn(Struct, frozen=True):
    """One contender's turn. `fault`: why the numbers mean nothing.

    `case`: `full` (64 connections, as fast as they go), `one` (a single connection), `half` (of its own full rate), and
    what other parts call theirs.
    """

    contender: str
    kind: Kind
    case: str
    sample: Sample
    fault: str
    steal: tuple[float, ...] = ()
    """What the host took of each core meanwhile."""


class Held(Struct, frozen=True):
    """KiB of anonymous memory and swap that a contender's processes hold: idle, and after the load."""

    contender: str
    idle: int
    loaded: int


def check(contender: Contender, kind: Kind) -> bool:
    """Asks once, and reads the answer word by word: whether it is what the upstream said.

    Raises BenchError where it is not, and is no other project's affair.
    """
    ask = contender.asks[kind]
    head, _, body = ask.request.partition(b"\r\n\r\n")
    first, *lines = head.decode().split("\r\n")
    connection = HTTPConnection("127.0.0.1", contender.port, timeout=60)
    try:
        connection.request("POST", first.split()[1], body, dict(line.split(": ", 1) for line in lines))
        reply = connection.getresponse()
        said = reply.read()
    finally:
        connection.close()
    words = said.count(b"word ")
    if kind == "json" and words:
        print(f"{contender.name} asks the upstream for a stream where its caller wants JSON: its answer is larger")
    elif reply.status != 200 or words != ask.words or ask.mark.encode() not in said:
        shown = said[:300].decode(errors="replace")
        message = f"{contender.name}, {kind}: {reply.status}, {words} words: {shown}"
        if ask.steady:
            raise BenchError(message)
        print(f"left out: {message}")
        return False
    return True


def turn(
    load: Load,
    contender: Contender,
    kind: Kind,
    case: str,
    *,
    seconds: float,
    connections: int = CONNECTIONS,
    rate: float = 0,
) -> Turn:
    """One turn, with the processor time that the contender took for it."""
    ask = contender.asks[kind]
    before, watch = cpu_seconds(contender.pid) if contender.pid else 0.0, Watch()
    sample = load.run(contender.port, ask, seconds=seconds, connections=connections, rate=rate)
    cpu = cpu_seconds(contender.pid) - before if contender.pid else None
    return Turn(contender.name, kind, case, replace(sample, cpu=cpu), sample.fault(ask), watch.seen())


def measure(
    ground: Ground, contenders: list[Contender], base: Contender, *, seconds: float, rounds: int
) -> tuple[list[Turn], list[Held]]:
    """All turns of all rounds. `base`, the upstream itself, is asked for its latency alone."""
    known = [(contender, kind) for kind in KINDS for contender in contenders if kind in contender.asks]
    idle = {contender.pid: memory_kib(contender.pid) for contender in contenders}
    pairs = [(contender, kind) for contender, kind in known if check(contender, kind)]
    for contender, kind in pairs:
        turn(ground.load, contender, kind, "warm", seconds=min(WARM, seconds))
    turns: list[Turn] = []

    def take(contender: Contender, kind: Kind, case: str, *, connections: int = CONNECTIONS, rate: float = 0) -> None:
        said = turn(ground.load, contender, kind, case, seconds=seconds, connections=connections, rate=rate)
        turns.append(said)
        shown = (
            said.fault
            or f"{said.sample.rate:10,.0f}/s   p50 {said.sample.whole.p50 / 1000:8.2f} ms   {shown_steal(said.steal)}"
        )
        print(f"  {case:5} {kind:7} {contender.name:32} {shown}", flush=True)

    for number in range(rounds):
        print(f"round {number + 1} of {rounds}")
        for contender, kind in pairs:
            take(contender, kind, "full")
        for contender, kind in [*((base, kind) for kind in KINDS), *pairs]:
            take(contender, kind, "one", connections=1)
        for contender, kind in pairs:
            rate = middle(turns, contender.name, kind, "full")
            if rate is not None:
                take(contender, kind, "half", rate=rate / 2)
    loaded = {contender.pid: memory_kib(contender.pid) for contender in contenders}
    firsts = {contender.pid: contender for contender in reversed(contenders)}
    return turns, [Held(firsts[pid].name, idle[pid], loaded[pid]) for pid in idle]


def good(turns: list[Turn], contender: str, kind: Kind, case: str) -> list[Sample]:
    """The turns that count; none where any of them had a fault: a rate with errors is void."""
    mine = [turn for turn in turns if (turn.contender, turn.kind, turn.case) == (contender, kind, case)]
    return [] if any(turn.fault for turn in mine) else [turn.sample for turn in mine]


def middle(turns: list[Turn], contender: str, kind: Kind, case: str) -> float | None:
    """The median rate; None where it is void."""
    rates = [sample.rate for sample in good(turns, contender, kind, case)]
    return median(rates) if rates else None
