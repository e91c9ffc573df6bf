"""What is measured: how each contender is set up in front of the same upstream. One function a program."""

import os
import pwd
import shlex
import shutil
import sys
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path

from msgspec import Struct
from msgspec.structs import replace

from bench.asks import EVENTS, chat, web_chat
from bench.load import Ask, Kind, Load, build
from bench.process import LOAD_CORE, SERVER_CORE, BenchError, free_port, listening

KEY = "bench-key"
BEARER = {"Authorization": f"Bearer {KEY}"}
HERE = Path(sys.executable).parent
VENV = Path(__file__).parent.parent / ".venv-bench"


class Contender(Struct, frozen=True):
    """A server and what it is asked. Several may be one process. `pid` 0: the upstream, asked without a proxy."""

    name: str
    port: int
    pid: int
    asks: dict[Kind, Ask]


class Ground:
    """One upstream, and what stands before it: all ended when the block ends. `place`: a folder for their files."""

    def __init__(self, place: Path) -> None:
        self.place = place
        self.load = Load(place)
        self._stack = ExitStack()

    def __enter__(self) -> "Ground":
        self.upstream = free_port()
        program = build("upstream", self.place)
        self.start([str(program), str(self.upstream)], self.upstream, "upstream", core=LOAD_CORE)
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._stack.close()

    def start(
        self,
        command: list[str],
        port: int,
        name: str,
        *,
        core: int = SERVER_CORE,
        environ: Mapping[str, str] | None = None,
    ) -> int:
        """The process's number, once it listens."""
        log = self.place / f"{name}.log"
        return self._stack.enter_context(listening(command, port, log, core=core, environ=environ))

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
    return Contender("upstream itself", port, 0, {"json": chat("json", port), "stream": chat("stream", port)})


NGINX = """
daemon off;
worker_processes 1;
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
    listen 127.0.0.1:{port} backlog=16384;
    location / {{
      proxy_pass http://up;
      proxy_http_version 1.1;
      proxy_set_header Connection "";
      proxy_buffering off;
    }}
  }}
}}
"""


def nginx(ground: Ground, *, log: bool = False, descriptors: int = 20000) -> Contender:
    """A plain reverse proxy: the limit. It checks and reads nothing; with `log` it writes a line a request."""
    program = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin")
    if program is None:
        raise BenchError("the limit is nginx (on Debian: apt-get install nginx-light)")
    port, name = free_port(), "nginx, access log" if log else "nginx"
    settings = ground.place / f"{name}.conf"
    text = NGINX.format(
        place=ground.place,
        port=port,
        upstream=ground.upstream,
        log=ground.place / "access.log" if log else "off",
        user=f"user {pwd.getpwuid(0).pw_name};" if os.geteuid() == 0 else "",
        descriptors=descriptors,
        connections=descriptors - 16,
    )
    settings.write_text(text)
    pid = ground.start([program, "-c", str(settings), "-p", str(ground.place)], port, name)
    return Contender(name, port, pid, {"json": chat("json", port), "stream": chat("stream", port)})


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


def dragoman(ground: Ground, *, models: int = 0, name: str = "dragoman") -> list[Contender]:
    """One worker, a key asked for, models behind routes; `models` more of them. Relaying, and translating both ways."""
    port = free_port()
    routes = {"bench": "bench", "paced": "paced", **{f"model-{number}": "bench" for number in range(models)}}
    settings = ground.place / f"{name}.toml"
    text = DRAGOMAN.format(port=port, upstream=ground.upstream, key=KEY, log=ground.place / f"{name}.jsonl")
    settings.write_text(text + "".join(ROUTE.format(name=name, target=to) for name, to in routes.items()))
    pid = ground.start([str(HERE / "dragoman"), "serve", "--config", str(settings)], port, name)
    relayed: dict[Kind, Ask] = {kind: chat(kind, port, headers=BEARER) for kind in ("json", "stream")}
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


LITELLM = """
model_list:
  - model_name: bench
    litellm_params: {{model: openai/bench, api_base: "http://127.0.0.1:{upstream}/v1", api_key: upstream-key}}
general_settings: {{master_key: sk-{key}}}
"""


def litellm(ground: Ground) -> list[Contender]:
    """LiteLLM's proxy with one worker, from $BENCH_LITELLM, .venv-bench or the PATH, if it is there."""
    said = os.environ.get("BENCH_LITELLM")
    found = shutil.which(said or "litellm", path=None if said else f"{VENV / 'bin'}:{os.environ.get('PATH', '')}")
    if found is None:
        return []
    port = free_port()
    settings = ground.place / "litellm.yaml"
    settings.write_text(LITELLM.format(upstream=ground.upstream, key=KEY))
    words = [found, "--config", str(settings), "--host", "127.0.0.1", "--port", str(port), "--num_workers", "1"]
    environ = {"LITELLM_LOCAL_MODEL_COST_MAP": "True", "LITELLM_TELEMETRY": "False"}
    pid = ground.start([*words, "--telemetry", "False"], port, "litellm", environ=environ)
    return [foreign("LiteLLM", port, pid, {"Authorization": f"Bearer sk-{KEY}"})]


def portkey(ground: Ground) -> list[Contender]:
    """Portkey's gateway by the command in $BENCH_PORTKEY, `node …/start-server.js` say, if that is set."""
    command = shlex.split(os.environ.get("BENCH_PORTKEY", ""))
    if not command:
        return []
    port = free_port()
    environ = {"TRUSTED_CUSTOM_HOSTS": "127.0.0.1", "PORT": str(port), "NODE_ENV": "production"}
    pid = ground.start([*command, f"--port={port}", "--headless"], port, "portkey", environ=environ)
    to = {"x-portkey-provider": "openai", "x-portkey-custom-host": f"http://127.0.0.1:{ground.upstream}/v1"}
    return [foreign("Portkey", port, pid, {"Authorization": "Bearer upstream-key", **to})]


def foreign(name: str, port: int, pid: int, headers: dict[str, str]) -> Contender:
    """A gateway that writes answers of its own, whose ends and sizes are its own affair."""
    asks: dict[Kind, Ask] = {
        "json": replace(chat("json", port, headers=headers), mark="}", steady=False),
        "stream": replace(chat("stream", port, headers=headers), steady=False),
    }
    return Contender(name, port, pid, asks)
