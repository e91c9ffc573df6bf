"""What systemd is told, and the sockets that it hands over."""

import os
import socket
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from dragoman.config import Config, GatewayConfig
from dragoman.errors import ConfigurationError
from dragoman.gateway.serving.listening import listen
from dragoman.gateway.serving.systemd import Inherited, inherited, notifier


@pytest.fixture(params=["path", "abstract"])
def manager(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[socket.socket, str]]:
    """The socket of a service manager, and its address as the variable has it."""
    name = f"dragoman-test-{os.getpid()}"
    address = str(tmp_path / "notify") if request.param == "path" else f"@{name}"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as made:
        made.bind(address if request.param == "path" else f"\0{name}")
        made.settimeout(10)
        yield made, address


def test_it_tells_its_state_by_datagrams(manager: tuple[socket.socket, str]) -> None:
    made, address = manager
    environ = {"NOTIFY_SOCKET": address, "WATCHDOG_USEC": "500000", "WATCHDOG_PID": str(os.getpid()), "HOME": "/"}
    told = notifier(environ)
    assert environ == {"HOME": "/"}
    assert told.watchdog == 0.5
    for say in (told.ready, told.alive, told.reloading, told.stopping):
        say()
    said = [made.recv(1000).decode() for _ in range(4)]
    assert said[:2] == ["READY=1", "WATCHDOG=1"]
    first, _, microseconds = said[2].partition("\nMONOTONIC_USEC=")
    assert first == "RELOADING=1"
    assert int(microseconds) > 0
    assert said[3] == "STOPPING=1"
    told.close()
    told.ready()  # nothing


@pytest.mark.parametrize(
    "environ",
    [
        {},
        {"NOTIFY_SOCKET": "/nobody/here"},
        {"NOTIFY_SOCKET": "vsock:2:1"},
        {"WATCHDOG_USEC": "5", "WATCHDOG_PID": "1"},
    ],
    ids=str,
)
def test_without_anybody_to_tell_nothing_happens(environ: dict[str, str]) -> None:
    told = notifier(environ)
    assert told.watchdog is None
    told.ready()
    told.close()


def test_sockets_for_another_process_are_left_alone() -> None:
    environ = {"LISTEN_PID": "1", "LISTEN_FDS": "2", "LISTEN_FDNAMES": "a:b"}
    assert inherited(environ) == ()
    assert environ == {}
    assert inherited({"LISTEN_PID": str(os.getpid()), "LISTEN_FDS": "x"}) == ()


INHERITS = """
import os, socket
from dragoman.errors import ConfigurationError
from dragoman.gateway.serving.systemd import inherited
environ = {"LISTEN_PID": str(os.getpid()), "LISTEN_FDS": "2", "LISTEN_FDNAMES": "web"}
try:
    print([(each.name, each.socket.fileno(), each.socket.get_inheritable()) for each in inherited(environ)])
except ConfigurationError as exc:
    print(exc)
"""


def inherit(*given: socket.socket) -> str:
    """What a process says to which `given` were handed over, as its descriptors from 3 up."""
    reader, writer = os.pipe()
    pid = os.posix_spawn(
        sys.executable,
        [sys.executable, "-c", INHERITS],
        os.environ,
        file_actions=[
            (os.POSIX_SPAWN_DUP2, writer, 1),
            *((os.POSIX_SPAWN_DUP2, each.fileno(), 20 + place) for place, each in enumerate(given)),
            *((os.POSIX_SPAWN_DUP2, 20 + place, 3 + place) for place in range(len(given))),
        ],
    )
    os.close(writer)
    with os.fdopen(reader) as said:
        text = said.read()
    os.waitpid(pid, 0)
    return text.strip()


def test_sockets_are_taken_over_with_their_names() -> None:
    with socket.create_server(("127.0.0.1", 0)) as one, socket.create_server(("127.0.0.1", 0)) as two:
        assert inherit(one, two) == "[('web', 3, False), ('unknown', 4, False)]"
    with socket.create_server(("127.0.0.1", 0)) as one, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as two:
        assert inherit(one, two).startswith("the socket 'unknown' of systemd: expected a listening stream")


def test_a_socket_that_others_reach_needs_a_key_too() -> None:
    with socket.create_server(("0.0.0.0", 0)) as made:
        given = [Inherited(made, "web")]
        with pytest.raises(ConfigurationError, match="a socket of systemd: other machines can reach"):
            listen(Config(), given)
        found = listen(Config(gateway=GatewayConfig(api_keys=("key",))), given)
        assert (found.names, found.port) == (("systemd's web",), made.getsockname()[1])
