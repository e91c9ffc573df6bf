"""The files in `deploy`, and the programs that read them, which `make deploy-check` installs."""

import socket
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from tests.cli.shell import PATIENCE, REPOSITORY
from tests.support.ports import free_port

FILES = REPOSITORY / "deploy"
PROGRAMS = REPOSITORY / ".venv-deploy" / "bin"
GATEWAY = "127.0.0.1:8642"
"""Where the examples expect the gateway."""

NGINX = """
daemon off;
worker_processes 1;
user root;
pid {place}/nginx.pid;
error_log stderr error;
events {{ }}
http {{
  access_log off;
  client_body_temp_path {place}/body;
  proxy_temp_path {place}/proxy;
  fastcgi_temp_path {place}/fastcgi;
  uwsgi_temp_path {place}/uwsgi;
  scgi_temp_path {place}/scgi;
  keepalive_timeout 300ms;
  include {place}/site.conf;
}}
"""
"""What Debian's nginx.conf is around the files of conf.d, in a folder of its own."""


def ran(program: str, *arguments: str | Path, stdin: str = "") -> subprocess.CompletedProcess[str]:
    """What a program says, its errors too."""
    return subprocess.run(
        [PROGRAMS / program, *arguments],
        input=stdin,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=PATIENCE,
        check=False,
    )


def file(name: str, changes: Mapping[str, str] | None = None) -> str:
    """A file of `deploy`, with `changes`: each text must be in it."""
    text = (FILES / name).read_text(encoding="utf-8")
    for old, new in (changes or {}).items():
        assert old in text, old
        text = text.replace(old, new)
    return text


@contextmanager
def proxy(name: str, place: Path, gateway: str, changes: Mapping[str, str]) -> Iterator[str]:
    """The URL of nginx or HAProxy in front of the gateway at `gateway` (HOST:PORT), by the example with `changes`."""
    port = free_port()
    address = f"127.0.0.1:{port}"
    if name == "nginx":
        changes = {"listen 80;": f"listen {address};", GATEWAY: gateway, **changes}
        (place / "site.conf").write_text(file("nginx.conf", changes))
        (place / "nginx.conf").write_text(NGINX.format(place=place))
        words: list[str | Path] = [PROGRAMS / "nginx", "-e", "stderr", "-p", place, "-c", place / "nginx.conf"]
    else:
        settings = place / "haproxy.cfg"
        changes = {"bind :80": f"bind {address}", GATEWAY: gateway, "maxconn 8000": "maxconn 100", **changes}
        settings.write_text(file("haproxy.cfg", changes))
        words = [PROGRAMS / "haproxy", "-db", "-f", settings]
    with (place / "log").open("w") as log, subprocess.Popen(words, stdout=log, stderr=log) as process:
        try:
            while True:
                with socket.socket() as probe:
                    if probe.connect_ex(("127.0.0.1", port)) == 0:
                        break
                assert process.poll() is None, (place / "log").read_text()
            yield f"http://{address}"
        finally:
            process.terminate()
            process.wait(PATIENCE)
