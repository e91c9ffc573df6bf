"""Load on a server: bench/load.c, built and run, and wrk as a second opinion."""

import shutil
import subprocess
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Literal
from zlib import crc32

import msgspec
from msgspec import Struct

from bench.process import LOAD_CORE, BenchError, pinned

HERE = Path(__file__).parent
CONNECTIONS = 64

Kind = Literal["json", "stream", "paced"]


class Ask(Struct, frozen=True):
    """A request as it is sent. `mark`: what the end of its answer's body must hold. `events`: what the upstream sends.

    `words`: how often the body says `word `. `steady`: all its answers have the same size. `frames`: how many of its
    events are stamped (see upstream.c), and so counted one by one.
    """

    request: bytes
    mark: str
    events: int = 1
    words: int = 0
    steady: bool = True
    frames: int = 0


class Times(Struct, frozen=True):
    """Microseconds."""

    p50: int
    p90: int
    p99: int
    most: int


class Sample(Struct, frozen=True):
    """What one run of the load saw. `seconds`: until the last answer. `open`: the most requests at one time."""

    answers: int
    seconds: float
    begun: int
    open: int
    bytes: tuple[int, int]
    errors: dict[str, int]
    reconnected: int
    whole: Times
    first: Times
    cpu: float | None = None
    turned_away: int = 0
    """Requests that were answered 503."""
    shed: Times = Times(0, 0, 0, 0)
    """Of these answers."""
    lateness: Times = Times(0, 0, 0, 0)
    """Of stamped events: from when each was due."""
    frames: tuple[int, int] = (0, 0)
    """Stamped events of an answer: the fewest and the most."""
    own: float = 0.0
    """Seconds of processor that the load itself took."""

    @property
    def rate(self) -> float:
        """Whole answers a second."""
        return self.answers / self.seconds

    @property
    def cpu_us(self) -> float | None:
        """Microseconds of the server's time that one answer took."""
        return None if self.cpu is None or not self.answers else 1e6 * self.cpu / self.answers

    def fault(self, ask: Ask) -> str:
        """Why its numbers mean nothing; empty where every answer was whole."""
        wrong = {name: count for name, count in self.errors.items() if count}
        if wrong or self.answers != self.begun or not self.answers:
            return f"{self.begun - self.answers} of {self.begun} answers were not whole: {wrong}"
        if ask.steady and self.bytes[0] != self.bytes[1]:
            return f"bodies of {self.bytes[0]} to {self.bytes[1]} bytes"
        if self.frames != (ask.frames, ask.frames):
            return f"{self.frames[0]} to {self.frames[1]} of {ask.frames} frames"
        return ""


def post(port: int, path: str, body: bytes, headers: dict[str, str] | None = None) -> bytes:
    """A whole request."""
    lines = {"Host": f"127.0.0.1:{port}", "Content-Type": "application/json", **(headers or {})}
    head = "".join(f"{name}: {value}\r\n" for name, value in lines.items())
    return f"POST {path} HTTP/1.1\r\n{head}Content-Length: {len(body)}\r\n\r\n".encode() + body


def build(name: str, place: Path) -> Path:
    """The program of `name`.c, in the folder `place`. Raises BenchError where no C compiler is there."""
    program = place / name
    program.write_bytes(_compiled(name))
    program.chmod(0o755)
    return program


@cache
def _compiled(name: str) -> bytes:
    compiler = shutil.which("cc")
    if compiler is None:
        raise BenchError("the benchmarks need a C compiler (on Debian: apt-get install gcc libc6-dev)")
    with TemporaryDirectory() as folder:
        program = Path(folder, name)
        subprocess.run([compiler, "-O2", "-Wall", "-o", str(program), str(HERE / f"{name}.c")], check=True)
        return program.read_bytes()


class Load:
    """The load generator; `place` is a folder for its program and its requests."""

    def __init__(self, place: Path) -> None:
        self._place = place
        self._program = build("load", place)

    def start(
        self, port: int, ask: Ask, *, seconds: float, connections: int = CONNECTIONS, rate: float = 0, count: int = 0
    ) -> subprocess.Popen[bytes]:
        """A run that goes on by itself; `finish` waits for it."""
        request = self._place / f"request-{crc32(ask.request):08x}"
        request.write_bytes(ask.request)
        words = [str(each) for each in (port, request, connections, rate, seconds, count, ask.mark)]
        return subprocess.Popen(pinned([LOAD_CORE], [str(self._program), *words]), stdout=subprocess.PIPE)

    def finish(self, process: subprocess.Popen[bytes]) -> Sample:
        """What it saw."""
        output, _ = process.communicate()
        return msgspec.json.decode(output, type=Sample)

    def run(
        self, port: int, ask: Ask, *, seconds: float, connections: int = CONNECTIONS, rate: float = 0, count: int = 0
    ) -> Sample:
        """One run, waited for."""
        process = self.start(port, ask, seconds=seconds, connections=connections, rate=rate, count=count)
        try:
            return self.finish(process)
        finally:
            process.kill()

    def wrk(self, port: int, ask: Ask, seconds: float) -> float:
        """Answers a second as wrk counts them; NaN where it saw an error. It looks at no body."""
        head, _, body = ask.request.partition(b"\r\n\r\n")
        lines = [line.partition(": ") for line in head.decode().split("\r\n")[1:]]
        (self._place / "wrk-body").write_bytes(body)
        script = self._place / "wrk.lua"
        script.write_text(
            "wrk.method = 'POST'\n"
            f"wrk.body = io.open({msgspec.json.encode(str(self._place / 'wrk-body')).decode()}, 'rb'):read('*a')\n"
            + "".join(
                f"wrk.headers[{msgspec.json.encode(name).decode()}] = {msgspec.json.encode(value).decode()}\n"
                for name, _, value in lines
                if name not in {"Host", "Content-Length"}
            )
            + "done = function(s) local e = s.errors\n"
            "io.write(string.format('RATE %f %d\\n', s.requests / s.duration * 1e6,"
            " e.connect + e.read + e.write + e.status + e.timeout)) end\n"
        )
        path = head.split(b" ", 2)[1].decode()
        words = ["-t1", f"-c{CONNECTIONS}", f"-d{seconds:g}s", "-s", str(script), f"http://127.0.0.1:{port}{path}"]
        shown = subprocess.run(pinned([LOAD_CORE], ["wrk", *words]), check=True, capture_output=True, text=True).stdout
        rate, errors = shown.rpartition("RATE ")[2].split()
        return float("nan") if int(errors) else float(rate)
