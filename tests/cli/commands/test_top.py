"""`dragoman top` beside a real gateway: once, live on a terminal, and when there is none."""

import re
from pathlib import Path

from tests.cli.pty import Terminal
from tests.cli.shell import run
from tests.support.gateway_process import GatewayProcess

AGE = re.compile(r"up (\d+:\d\d:\d\d)")

KEYED = """
[gateway]
port = 0
api_key = "key-canary"

[models.fast]
targets = ["offline/echo", "offline/eliza"]
"""


def test_it_shows_a_gateway_once_and_live(tmp_path: Path) -> None:
    folder = tmp_path / "gateway"
    folder.mkdir()
    with GatewayProcess(folder, KEYED) as gateway:
        port = gateway.url.rpartition(":")[2]
        (tmp_path / "dragoman.toml").write_text(KEYED.replace("port = 0", f"port = {port}"))
        once = run(tmp_path, "top", "--once")
        assert once.code == 0, once.err
        text = once.out.decode()
        assert text.startswith("up 0:00:")
        assert "offline/echo" in text
        assert "closed" in text
        assert "canary" not in text + once.err

        with Terminal(tmp_path, "top", columns=60) as live:
            live.expect("q to end")
            live.expect("offline/echo")
            live.press("q")
            assert live.end() == 0
            assert "canary" not in live.drawn


def test_it_asks_a_gateway_that_listens_on_a_unix_socket_alone(tmp_path: Path) -> None:
    folder = tmp_path / "gateway"
    folder.mkdir()
    place = f"unix:{tmp_path}/s"
    both = KEYED.replace("port = 0", f'listen = ["127.0.0.1:0", "{place}"]')
    (tmp_path / "dragoman.toml").write_text(KEYED.replace("port = 0", f'listen = "{place}"'))
    with GatewayProcess(folder, both):
        for words in ((), ("--url", place, "--key", "key-canary")):
            once = run(tmp_path, "top", "--once", *words)
            assert once.code == 0, once.err
            assert "offline/echo" in once.out.decode()
    gone = run(tmp_path, "top", "--once")
    assert gone.code == 6
    assert f"no gateway answers at {place}: No such file or directory" in gone.err


def test_it_goes_on_while_no_gateway_answers_and_shows_no_growing_age(tmp_path: Path) -> None:
    folder = tmp_path / "gateway"
    folder.mkdir()
    with GatewayProcess(folder, KEYED) as gateway:
        port = gateway.url.rpartition(":")[2]
        (tmp_path / "dragoman.toml").write_text(KEYED.replace("port = 0", f"port = {port}"))
        live = Terminal(tmp_path, "top", columns=100)
        live.expect("q to end")
    with live:
        for _ in range(3):
            live.expect("Connection refused; what was last seen:")
        live.expect("in flight")
        assert len(set(AGE.findall(live.text.split("what was last seen:", 1)[1]))) == 1
        live.press("q")
        assert live.end() == 0
