"""Other gateways, each with the settings that its own pages give for one upstream; none where it is not installed."""

import os
import shlex
import shutil
from pathlib import Path

import msgspec
from msgspec.structs import replace

from bench.asks import every
from bench.contenders import BEARER, KEY, Contender, Ground
from bench.process import free_port

VENV = Path(__file__).parent.parent / ".venv-bench"

LITELLM = """
model_list:
  - model_name: bench
    litellm_params: {{model: openai/bench, api_base: "http://127.0.0.1:{upstream}/v1", api_key: upstream-key}}
  - model_name: paced
    litellm_params: {{model: openai/paced, api_base: "http://127.0.0.1:{upstream}/v1", api_key: upstream-key}}
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
    return [foreign(ground, "LiteLLM", port, pid, {"Authorization": f"Bearer sk-{KEY}"})]


def portkey(ground: Ground) -> list[Contender]:
    """Portkey's gateway by the command in $BENCH_PORTKEY, `node …/start-server.js` say, if that is set."""
    command = shlex.split(os.environ.get("BENCH_PORTKEY", ""))
    if not command:
        return []
    port = free_port()
    environ = {"TRUSTED_CUSTOM_HOSTS": "127.0.0.1", "PORT": str(port), "NODE_ENV": "production"}
    pid = ground.start([*command, f"--port={port}", "--headless"], port, "portkey", environ=environ)
    to = {"x-portkey-provider": "openai", "x-portkey-custom-host": f"http://127.0.0.1:{ground.upstream}/v1"}
    return [foreign(ground, "Portkey", port, pid, {"Authorization": "Bearer upstream-key", **to})]


BUSBAR = """
listen: "127.0.0.1:{port}"
config: {{locked: true}}
providers_file: {catalog}
providers: {{up: {{api_key: {{env: BENCH_UPSTREAM_KEY}}}}}}
models:
  bench: {{provider: up, max_concurrent: 20000}}
  paced: {{provider: up, max_concurrent: 20000}}
advanced: {{worker_threads: 1}}
"""
CATALOG = 'up: {{protocol: openai, base_url: "http://127.0.0.1:{upstream}"}}\n'


def busbar(ground: Ground) -> list[Contender]:
    """Busbar, if `busbar` is in the PATH: one worker, no key asked for, no log. Its settings are those of 1.6."""
    found = shutil.which("busbar")
    if found is None:
        return []
    port = free_port()
    settings, catalog = ground.place / "busbar.yaml", ground.place / "busbar-providers.yaml"
    catalog.write_text(CATALOG.format(upstream=ground.upstream))
    settings.write_text(BUSBAR.format(port=port, catalog=catalog))
    environ = {"BENCH_UPSTREAM_KEY": "upstream-key", "RUST_LOG": "error"}
    pid = ground.start([found, "--config", str(settings)], port, "busbar", environ=environ)
    return [foreign(ground, "Busbar", port, pid, {})]


def gomodel(ground: Ground) -> list[Contender]:
    """GoModel, if `gomodel` is in the PATH: a key asked for, no log of bodies. Settings are read from environment."""
    found = shutil.which("gomodel")
    if found is None:
        return []
    port = free_port()
    environ = {
        "PORT": str(port),
        "GOMODEL_MASTER_KEY": KEY,
        "GOMODEL_OFFLINE": "true",
        "GOMODEL_CACHE_DIR": str(ground.place / "gomodel-cache"),
        "SQLITE_PATH": str(ground.place / "gomodel.db"),
        "PID_FILE": str(ground.place / "gomodel.pid"),
        "LOGGING_ENABLED": "false",
        "OPENAI_API_KEY": "upstream-key",
        "OPENAI_BASE_URL": f"http://127.0.0.1:{ground.upstream}/v1",
        "OPENAI_MODELS": "bench,paced",
        "CONFIGURED_PROVIDER_MODELS_MODE": "allowlist",
    }
    pid = ground.start([found], port, "gomodel", environ=environ)
    return [foreign(ground, "GoModel", port, pid, BEARER)]


def bifrost(ground: Ground) -> list[Contender]:
    """Bifrost, if `bifrost-http` is in the PATH: settings in a file alone, no key asked for, no log."""
    found = shutil.which("bifrost-http")
    if found is None:
        return []
    port, home = free_port(), ground.place / "bifrost"
    home.mkdir(exist_ok=True)
    key = {"name": "up", "value": "upstream-key", "models": ["bench", "paced"], "weight": 1}
    upstream = {"base_url": f"http://127.0.0.1:{ground.upstream}"}
    settings = {
        "client": {"drop_excess_requests": False, "enable_logging": False},
        "providers": {"openai": {"keys": [key], "network_config": upstream}},
        "config_store": {"enabled": False},
        "logs_store": {"enabled": False},
    }
    (home / "config.json").write_bytes(msgspec.json.encode(settings))
    command = [found, "-host", "127.0.0.1", "-port", str(port), "-app-dir", str(home), "-log-level", "error"]
    pid = ground.start(command, port, "bifrost")
    return [foreign(ground, "Bifrost", port, pid, {}, prefix="openai/")]


def foreign(ground: Ground, name: str, port: int, pid: int, headers: dict[str, str], *, prefix: str = "") -> Contender:
    """A gateway that writes answers of its own, whose ends and sizes are its own affair."""
    asks = {
        kind: replace(ask, mark="}" if kind == "json" else ask.mark, steady=False)
        for kind, ask in every(port, ground.events, prefix=prefix, headers=headers).items()
    }
    return Contender(name, port, pid, asks)
