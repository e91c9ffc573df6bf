"""What is measured: how each contender is set up in front of the same upstream. One function a program."""

import os
import pwd
import shutil
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

from msgspec import Struct
from msgspec.structs import replace

from bench.asks import EVENTS, chat, every, web_chat
from bench.load import Ask, Kind, Load, build
from bench.process import CORES, LOAD_CORE, SERVER_CORE, BenchError, free_port, listening

KEY = "bench-key"
BEARER = {"Authorization": f"Bearer {KEY}"}
HERE = Path(sys.executable).parent

PACE = 200
"""Milliseconds between the events of a paced stream: tokens of a large model come so."""

BASE, LIMIT = "upstream itself", "nginx"
"""What all are compared with: no proxy at all, and the least that one can cost."""


class Contender(Struct, frozen=True):
    """A server and what it is asked. Several may be one process. `pid` 0: the upstream, asked without a proxy."""

    name: str
    port: int
    pid: int
    asks: dict[Kind, Ask]


class Ground:
    """One upstream, and what stands before it: all ended when the block ends.

    `place`: a folder for their files. `events`: of a paced stream, one each `pace` milliseconds; before the first,
    `wait` times as long passes.
    """

    def __init__(self, place: Path, events: int = EVENTS, *, pace: int = PACE, wait: int = 0) -> None:
        self.place = place
        self.events = events
        self._timing = (str(events), str(pace), str(wait))
        self.load = Load(place)
        self._stack = ExitStack()

    def __enter__(self) -> "Ground":
        build("upstream", self.place)
        self.upstream, self.upstream_pid = self.service()
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._stack.close()

    def service(self, *replies: str) -> tuple[int, int]:
        """Port and process of another upstream, which knows `replies` too: prefixes of paths, and files."""
        port = free_port()
        command = [str(self.place / "upstream"), str(port), *self._timing, *replies]
        return port, self.start(command, port, f"upstream-{port}", cores=[LOAD_CORE])

    def start(
        self,
        command: list[str],
        port: int,
        name: str,
        *,
        cores: Sequence[int] = (SERVER_CORE,),
        environ: Mapping[str, str] | None = None,
    ) -> int:
        """The process's number, once it listens."""
        log = self.place / f"{name}.log"
        return self._stack.enter_context(listening(command, port, log, cores=cores, environ=environ))

    @contextmanager
    def passing(self) -> Iterator[None]:
        """What is started within the block ends with it."""
        before, self._stack = self._stack, ExitStack()
        try:
            with self._stack:
                yield
        finally:
            self._stack = before


def direct(ground: Ground) -> Contender:
    """No proxy at all: what the load and the upstream themselves take."""
    port = ground.upstream
    return Contender(BASE, port, 0, every(port, ground.events))


NGINX = """
daemon off;
worker_processes {workers};
worker_rlimit_nofile {descriptors};
{user}
pid {place}/nginx-{port}.pid;
error_log stderr error;
events {{ worker_connections {connections}; }}
http {{
  access_log {log};
  client_body_temp_path {place}/nginx-body;
  proxy_temp_path {place}/nginx-proxy;
  fastcgi_temp_path {place}/nginx-fastcgi;
  uwsgi_temp_path {place}/nginx-uwsgi;
  scgi_temp_path {place}/nginx-scgi;
  client_max_body_size 64m;
  client_body_buffer_size 16m;
  keepalive_requests 1000000000;
  tcp_nodelay on;
  upstream up {{ server 127.0.0.1:{upstream}; keepalive 128; keepalive_requests 1000000000; }}
  server {{
    listen 127.0.0.1:{port} backlog=16384{reuseport};
    location / {{
      proxy_pass http://up;
      proxy_http_version 1.1;
      proxy_set_header Connection "";
      proxy_buffering off;
    }}
  }}
}}
"""


def nginx(ground: Ground, *, log: bool = False, descriptors: int = 20000, workers: int = 1) -> Contender:
    """A plain reverse proxy: the limit. It checks and reads nothing; with `log` it writes a line a request.

    Several `workers` may use all cores.
    """
    program = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin")
    if program is None:
        raise BenchError("the limit is nginx (on Debian: apt-get install nginx-light)")
    port, name = free_port(), "nginx, access log" if log else LIMIT
    settings = ground.place / f"nginx-{port}.conf"
    text = NGINX.format(
        place=ground.place,
        port=port,
        upstream=ground.upstream,
        log=ground.place / "access.log" if log else "off",
        user=f"user {pwd.getpwuid(0).pw_name};" if os.geteuid() == 0 else "",
        descriptors=descriptors,
        workers=workers,
        connections=descriptors - 16,
        reuseport=" reuseport" if workers > 1 else "",
    )
    settings.write_text(text)
    command = [program, "-c", str(settings), "-p", str(ground.place)]
    pid = ground.start(command, port, f"{name}-{port}", cores=cores_for(workers))
    return Contender(name, port, pid, every(port, ground.events))


def cores_for(workers: int) -> Sequence[int]:
    """One worker has a core for itself; several share all cores with the load and the upstream."""
    return (SERVER_CORE,) if workers == 1 else CORES


DRAGOMAN = """
[gateway]
host = "127.0.0.1"
port = {port}
api_keys = ["{key}"]
request_log = "{log}"

[providers.up]
protocol = "openai-chat"
url = "http://127.0.0.1:{upstream}/v1"
api_key = "upstream-key"

[providers.home]
protocol = "aichatfree"
url = "http://127.0.0.1:{upstream}"

[providers.browser]
protocol = "aibn"
url = "http://127.0.0.1:{upstream}"
secret = ""

[fronts.aibn]
model = "up/bench"
"""
ROUTE = '[models."{name}"]\ntargets = ["up/{target}"]\n'


def dragoman(ground: Ground, *, models: int = 0, workers: int = 1, name: str = "dragoman") -> list[Contender]:
    """A key asked for, models behind routes; `models` more of them. Relaying, and translating both ways."""
    port = free_port()
    routes = {"bench": "bench", "paced": "paced", **{f"model-{number}": "bench" for number in range(models)}}
    settings = ground.place / f"dragoman-{port}.toml"
    text = DRAGOMAN.format(port=port, upstream=ground.upstream, key=KEY, log=ground.place / f"dragoman-{port}.jsonl")
    settings.write_text(text + "".join(ROUTE.format(name=name, target=to) for name, to in routes.items()))
    command = [str(HERE / "dragoman"), "serve", "--config", str(settings), "--workers", str(workers)]
    pid = ground.start(command, port, f"{name}-{port}", cores=cores_for(workers))
    relayed = every(port, ground.events, headers=BEARER)
    # The raw text says all its 100 words, and has no end mark: the front adds its own.
    to_web = {
        name: replace(chat("stream", port, model=f"{name}/bench", headers=BEARER), words=EVENTS)
        for name in ("home", "browser")
    }
    return [
        Contender(name, port, pid, relayed),
        Contender(f"{name}, OpenAI to web chat", port, pid, {"stream": to_web["home"]}),
        Contender(f"{name}, the same by curl", port, pid, {"stream": to_web["browser"]}),
        Contender(f"{name}, web chat to OpenAI", port, pid, {"stream": web_chat(port, BEARER)}),
    ]
