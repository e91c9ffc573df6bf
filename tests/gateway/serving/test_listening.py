"""Sockets in the file system, and several places at once."""

import os
import socket
import stat
from pathlib import Path

import pytest

from dragoman.config import Config, GatewayConfig, load
from dragoman.errors import ConfigurationError
from dragoman.gateway.check import check
from dragoman.gateway.serving.listening import SPREADS, begin_to_listen, bind_unix, listen
from dragoman.gateway.serving.serve import greeting


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """Where a socket may be made."""
    return tmp_path / "here.sock"


def leave(place: Path) -> None:
    """What a program that was killed leaves."""
    with socket.socket(socket.AF_UNIX) as made:
        made.bind(str(place))


def test_it_has_the_rights_that_are_configured(place: Path) -> None:
    before = os.umask(0o22)
    os.umask(before)
    listener, file = bind_unix(str(place), 0o620)
    try:
        assert stat.S_IMODE(place.stat().st_mode) == 0o620
    finally:
        listener.close()
        file.remove()
    assert not place.exists()
    assert os.umask(before) == before


def test_what_a_killed_program_left_is_replaced_and_a_living_one_is_not(place: Path) -> None:
    leave(place)
    listener, file = bind_unix(str(place), 0o600)
    with pytest.raises(ConfigurationError, match=r"unix:.*here\.sock: another program listens there already"):
        bind_unix(str(place), 0o600)
    listener.close()
    second, other = bind_unix(str(place), 0o600)
    file.remove()  # that of the first, whose place another has taken
    assert place.exists()
    second.close()
    other.remove()
    assert not place.exists()


@pytest.mark.parametrize("kind", ["file", "folder", "link"])
def test_what_is_no_socket_is_left_alone(place: Path, kind: str) -> None:
    if kind == "file":
        place.write_text("mine")
    elif kind == "folder":
        place.mkdir()
    else:
        place.symlink_to("elsewhere")
    with pytest.raises(ConfigurationError, match="expected a socket or nothing there, got another file"):
        bind_unix(str(place), 0o600)
    assert os.path.lexists(place)


def test_another_process_does_not_remove_it(place: Path) -> None:
    listener, file = bind_unix(str(place), 0o600)
    pid = os.fork()
    if not pid:
        file.remove()
        os._exit(0)
    os.waitpid(pid, 0)
    assert place.exists()
    listener.close()
    file.remove()


def listening(*places: str, **gateway: str) -> Config:
    """A configuration that listens there."""
    return Config(gateway=GatewayConfig(listen=places, **gateway))  # type: ignore[arg-type]  # fields by name


def test_several_places_are_open_or_none(place: Path) -> None:
    found = listen(listening("127.0.0.1:0", f"unix:{place}"))
    assert found.names == (f"port {found.port} of 127.0.0.1", f"unix:{place}")
    with pytest.raises(ConfigurationError, match="another program listens there already"):
        listen(listening("127.0.0.1:0", f"unix:{place}"))
    found.close()
    assert not place.exists()
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        with pytest.raises(ConfigurationError, match=f"port {port} of 127.0.0.1"):
            listen(listening(f"unix:{place}", f"127.0.0.1:{port}"))
    assert not place.exists()


WRONG = [
    ("unix:here.sock", "expected HOST:PORT or unix:/PATH, got"),
    ("8642", "expected HOST:PORT or unix:/PATH, got"),
    ("h:123456", "expected HOST:PORT or unix:/PATH, got"),
    ("[::1]:65536", "gateway.listen: expected a port up to 65535"),
    (f"unix:/{'x' * 200}", "gateway.listen: expected a path of at most 107 bytes"),
    ("unix:/none/here/x.sock", "gateway.listen: cannot listen on unix:/none/here/x.sock: there is no folder"),
    ("0.0.0.0:1", "gateway.listen: other machines can reach '0.0.0.0' and no key is asked"),
    ("no such host:1", "expected HOST:PORT"),
    ("a..b:1", "gateway.listen: expected an address of this machine, got 'a..b'"),
]


@pytest.mark.parametrize(("text", "message"), WRONG)
def test_a_place_that_cannot_be_is_told(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "dragoman.toml"
    path.write_text(f'[gateway]\nlisten = "{text}"\n')
    with pytest.raises(ConfigurationError) as caught:
        check(load(path, {}))
    assert f"{path}:2: gateway.listen" in str(caught.value)
    assert message in str(caught.value)


def test_a_place_replaces_host_and_port(tmp_path: Path) -> None:
    path = tmp_path / "dragoman.toml"
    path.write_text('[gateway]\nlisten = "unix:/x"\nport = 1\n')
    with pytest.raises(ConfigurationError, match="expected either listen or port, got both"):
        load(path, {})
    path.write_text('[gateway]\nlisten = ["unix:/x", "[::1]:1"]\n')
    assert load(path, {}).gateway.listen == ("unix:/x", "[::1]:1")
    assert load(path, {"DRAGOMAN_GATEWAY_PORT": "2"}).gateway.listen == ()


def test_the_greeting_names_the_socket() -> None:
    said = greeting(Config(), "m", None, "/run/x.sock")
    assert said.startswith("dragoman listens on unix:/run/x.sock; ")
    assert "curl -N http://localhost/v1/chat/completions" in said
    assert "--unix-socket /run/x.sock" in said


@pytest.mark.skipif(not SPREADS, reason="the system does not spread callers over sockets")
def test_each_of_several_workers_has_sockets_of_its_own_at_one_port() -> None:
    config = Config(gateway=GatewayConfig(host="localhost", port=0, workers=3))
    listeners = listen(config)
    try:
        assert not listeners.sockets
        for place in range(3):
            own, others = listeners.of(place), listeners.of_others(place)
            assert len(others) == 2 * len(own)
            assert {*own, *others} == {*listeners.all}
            assert not {*own} & {*others}
        assert {each.getsockname()[1] for each in listeners.all} == {listeners.port}
    finally:
        listeners.close()
    assert all(each.fileno() < 0 for each in listeners.all)


@pytest.mark.parametrize("workers", [1, 2])
def test_a_second_gateway_does_not_join_the_workers_of_the_first(workers: int) -> None:
    listeners = listen(Config(gateway=GatewayConfig(port=0, workers=2)))
    port = listeners.port
    assert port is not None
    try:
        for each in listeners.all:
            each.listen()
        with pytest.raises(ConfigurationError, match="another program listens there already"):
            listen(Config(gateway=GatewayConfig(port=port, workers=workers)))
    finally:
        listeners.close()


def test_of_two_gateways_that_start_at_once_the_second_is_told_why_it_cannot() -> None:
    first = listen(Config(gateway=GatewayConfig(port=0)))
    second = listen(Config(gateway=GatewayConfig(port=first.port or 0)))
    begin_to_listen(first)
    with pytest.raises(ConfigurationError, match=r"^cannot listen on port \d+ of 127\.0\.0\.1: another program "):
        begin_to_listen(second)
    for each in (first, second):
        each.close()


def test_a_socket_file_is_shared_by_all_workers(place: Path) -> None:
    listeners = listen(Config(gateway=GatewayConfig(listen=(f"unix:{place}",), workers=2)))
    try:
        assert listeners.of(0) == listeners.of(1) == listeners.all
        assert not listeners.of_others(0)
    finally:
        listeners.close()
