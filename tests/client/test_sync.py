"""The client without an event loop."""

import gc
import inspect
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest

from dragoman import Client, SyncClient
from dragoman.client.mapped import MapStream
from dragoman.client.run import Run
from dragoman.client.stream import ChatStream, View
from dragoman.client.sync_stream import SyncMapStream, SyncRun, SyncStream, SyncView
from dragoman.config import Config, ProviderConfig
from dragoman.errors import ModelNotFoundError, OverloadedError, TruncatedStreamError
from dragoman.types import ChatRequest, PartDelta, ResponseEnd, ResponseStart, user
from tests.support.canned import CannedReply, CannedTransport


def test_it_chats_and_streams_without_a_loop() -> None:
    with SyncClient(Config()) as client:
        assert client.chat("offline/echo", "Hello there").text == "Hello there"
        events = list(client.stream("offline/echo", "Hello there"))
        assert "".join(event.text for event in events if isinstance(event, PartDelta)) == "Hello there"
        assert isinstance(events[-1], ResponseEnd)
        assert client.default_model in client.models()


def test_it_takes_what_the_client_takes() -> None:
    reply = (
        b'{"model":"m","choices":[{"index":0,"message":{"role":"assistant","content":"hi"},"finish_reason":"stop"}]}'
    )
    transport = CannedTransport(CannedReply([[reply]], media_type="application/json"))
    config = Config(providers={"up": ProviderConfig(protocol="openai-chat", url="http://up/v1")})
    with SyncClient(config, transport=transport) as client:
        assert client.chat("up/m", "Hi").text == "hi"
    assert transport.sent[0].url == "http://up/v1/chat/completions"


def test_opening_raises_what_is_wrong_before_the_first_byte() -> None:
    request = ChatRequest(model="offline/echo", messages=(user("Hi"),))
    with SyncClient(Config()) as client:
        with client.open(request) as stream:
            assert isinstance(next(stream), ResponseStart)
        with pytest.raises(OverloadedError):
            client.stream("offline/script", "error: 503 busy").open()
        with pytest.raises(TypeError, match="did you mean seed"):
            client.stream("offline/echo", "Hi", sed=1)  # type: ignore[call-overload]  # the point of the test


def test_errors_arrive_where_they_are_waited_for() -> None:
    with SyncClient(Config()) as client:
        with pytest.raises(ModelNotFoundError):
            client.chat("offline/nobody", "Hi")
        stream = client.stream("offline/script", "text: so far\nerror: 503 busy")
        texts: list[str] = []
        with pytest.raises(OverloadedError):
            texts += [event.text for event in stream if isinstance(event, PartDelta)]


def test_a_stream_left_early_ends_at_once() -> None:
    with SyncClient(Config()) as client, client.stream("offline/script", "text: a b\nhang") as stream:
        assert isinstance(next(stream), ResponseStart)


def test_a_stream_that_was_never_started_costs_nothing() -> None:
    with SyncClient(Config()) as client:
        client.stream("offline/echo", "Hi").close()


def test_closing_twice_is_fine_and_ends_the_thread() -> None:
    before = threading.active_count()
    client = SyncClient(Config())
    client.close()
    client.close()
    assert threading.active_count() == before


ONE_PIECE = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n4\r\ntick\r\n"


def test_a_client_that_is_dropped_ends_its_thread_and_its_loop() -> None:
    client = SyncClient(Config())
    thread, loop = client._thread, client._loop
    assert client.chat("offline/echo", "Hello").text == "Hello"
    del client
    gc.collect()
    thread.join(5)
    assert not thread.is_alive()
    assert loop.is_closed()


def test_a_stream_keeps_a_client_that_nobody_else_has() -> None:
    client = SyncClient(Config())
    thread = client._thread
    texts = client.stream("offline/echo", "Two words").text
    del client
    gc.collect()
    assert list(texts) == ["Two ", "words"]
    del texts
    gc.collect()
    thread.join(5)
    assert not thread.is_alive()


class Endless:
    """A service that sends `said`, then nothing, until its caller goes."""

    def __init__(self, listener: socket.socket, said: bytes) -> None:
        self.url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        self.asked = threading.Event()
        self.gone = threading.Event()
        self._listener = listener
        self._said = said

    def answer(self) -> None:
        connection, _ = self._listener.accept()
        with connection:
            connection.recv(65536)
            connection.sendall(self._said)
            self.asked.set()
            while True:
                try:
                    if not connection.recv(65536):
                        break
                except ConnectionResetError:
                    break
        self.gone.set()


@contextmanager
def endless(folder: Path, said: bytes = ONE_PIECE) -> Iterator[tuple[Endless, SyncClient]]:
    """The service in a thread, and a client whose model `up/x` it is."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        service = Endless(listener, said)
        thread = threading.Thread(target=service.answer)
        thread.start()
        path = folder / "dragoman.toml"
        path.write_text(f'[providers.up]\ntype = "cromicle"\nurl = "{service.url}"\n')
        with SyncClient(path) as client:
            yield service, client
        thread.join()


def test_leaving_the_loop_ends_the_call_at_once(tmp_path: Path) -> None:
    with endless(tmp_path) as (service, client):
        for _ in client.stream("up/x", "Hi"):
            break
        assert service.gone.wait(10)


def test_a_stream_closed_by_another_thread_while_it_opens_ends_at_once(tmp_path: Path) -> None:
    with endless(tmp_path, said=b"") as (service, client), ThreadPoolExecutor(1) as pool:
        stream = client.stream("up/x", "Hi")
        waiting = pool.submit(next, stream)
        assert service.asked.wait(10)
        stream.close()
        with pytest.raises(TruncatedStreamError):
            waiting.result(10)
        assert service.gone.wait(10)


def test_a_stream_that_is_dropped_before_it_began_leaves_no_warning() -> None:
    with SyncClient(Config()) as client:
        client.stream("offline/echo", "Hi")
        gc.collect()


def test_closing_the_client_ends_the_calls_that_other_threads_wait_for(tmp_path: Path) -> None:
    with endless(tmp_path) as (service, client), ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(client.chat, "up/x", "Hi")
        assert service.asked.wait(10)
        client.close()
        with pytest.raises(RuntimeError, match="closed by another thread"):
            waiting.result(10)
        assert service.gone.wait(10)


def test_a_closed_client_says_so() -> None:
    client = SyncClient(Config())
    stream = client.stream("offline/script", "text: a b\nhang")
    next(stream)
    client.close()
    with pytest.raises(RuntimeError, match="this client is closed"):
        client.chat("offline/echo", "Hi")
    with pytest.raises(RuntimeError, match="this client is closed"):
        list(stream)
    stream.close()
    gc.collect()


OWN_THREAD = "in the client's own thread would wait for itself for ever"


def test_a_call_in_its_own_thread_is_refused_and_does_not_wait_for_itself() -> None:
    with SyncClient(Config(), timeout=5) as client:

        async def asking() -> str:
            return client.chat("offline/echo", "Hi").text

        def prompts() -> Iterator[str]:
            yield client.chat("offline/echo", "Hi").text

        run = client.run("offline/script", "tool: asking {}", tools=[asking])
        assert OWN_THREAD in run.response().text
        with pytest.raises(RuntimeError, match=OWN_THREAD):
            list(client.map("offline/echo", prompts()))


def test_what_would_end_the_loop_ends_the_call_that_raised_it() -> None:
    def prompts() -> Iterator[str]:
        yield "one"
        sys.exit(4)

    with SyncClient(Config()) as client:
        with pytest.raises(SystemExit):
            list(client.map("offline/echo", prompts()))
        assert client.chat("offline/echo", "still here").text == "still here"


FORKED = """
import os, sys
from dragoman import SyncClient

with SyncClient({}) as client:
    stream = client.stream("offline/script", "text: a b\\nhang")
    next(stream)
    child = os.fork()
    if not child:
        for ask in (lambda: client.chat("offline/echo", "Hi"), lambda: next(stream)):
            try:
                ask()
            except RuntimeError as error:
                print(error)
        sys.exit(0)
    _, status = os.waitpid(child, 0)
    print(status, client.chat("offline/echo", "Hi").text)
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
def test_a_forked_process_is_told_to_make_a_client_of_its_own() -> None:
    done = subprocess.run([sys.executable, "-c", FORKED], capture_output=True, text=True, timeout=20, check=True)
    assert (
        done.stdout.splitlines().count("this client was made before the process was forked: make one in each process")
        == 1
    )
    assert done.stdout.splitlines()[-1] == "0 Hi"


ITS_OWN = {"aclose": "close"}
"""What has another name without a loop."""

FOR_THE_GATEWAY = {
    "allowed_fields",
    "cache_lifetime",
    "count_request",
    "fresh_keys",
    "leave_keys",
    "embed_request",
    "facts_of",
    "follow",
    "forward",
    "handler",
    "hear",
    "hear_rests",
    "plan",
}
"""What only the rooms above use: it is part of the carrying of requests, which is asynchronous."""


def public(owner: type) -> set[str]:
    return {name for name in dir(owner) if not name.startswith("_")}


def parameters(owner: type, name: str) -> list[tuple[str, object, object]]:
    found = inspect.signature(getattr(owner, name)).parameters.values()
    return [(each.name, each.kind, each.default) for each in found]


def test_it_has_all_that_the_client_has() -> None:
    expected = {ITS_OWN.get(name, name) for name in public(Client) - FOR_THE_GATEWAY}
    assert expected <= public(SyncClient)
    attributes = {name for name in vars(Client(Config())) if not name.startswith("_")}
    assert attributes <= public(SyncClient) <= expected | attributes


def test_its_arguments_are_the_client_s() -> None:
    methods = {name for name in public(Client) - FOR_THE_GATEWAY if callable(getattr(Client, name))}
    assert len(methods) > 9
    for name in {*methods, "__init__"}:
        assert parameters(SyncClient, ITS_OWN.get(name, name)) == parameters(Client, name), name


STREAMS = [(ChatStream, SyncStream), (Run, SyncRun), (MapStream, SyncMapStream), (View, SyncView)]


@pytest.mark.parametrize(("stream", "twin"), STREAMS)
def test_its_streams_have_what_the_client_s_have(stream: type, twin: type) -> None:
    inner = {"aclose", "asend", "athrow", "batch"}
    assert public(stream) - inner <= public(twin)
