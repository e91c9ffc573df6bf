"""Values that hold secrets or prompts, printed."""

from base64 import b64encode
from io import StringIO

import pytest
from rich.console import Console

from dragoman.engine.relay_target import RelayTarget
from dragoman.engine.secrets import secrets
from dragoman.engine.service import Service
from dragoman.protocols.openai_chat import OpenAIChatClient
from dragoman.protocols.openai_chat.relay import ChatRelayRequest
from dragoman.providers import Aibn, OpenAICompatible
from dragoman.transport.base import Route
from dragoman.transport.http.target import parse
from dragoman.transport.native import NativeTransport
from dragoman.transport.selector import Transports
from dragoman.types import HttpRequest, ServerRequest
from tests.support.env import fixed_env

KEY = "canary-0f-a-key"
PROXY = f"http://user:{KEY}@proxy:3128"
BASIC = b64encode(f"user:{KEY}".encode()).decode()
FIELDS = (("authorization", f"Bearer {KEY}"),)

HOLDERS = [
    HttpRequest(url=f"http://h/x?key={KEY}", headers=FIELDS, body=KEY.encode()),
    ServerRequest(
        method="POST", path="/x", query=f"key={KEY}", headers=((b"x-api-key", KEY.encode()),), body=KEY.encode()
    ),
    Route(proxy=PROXY),
    fixed_env(KEY),
    secrets(KEY),
    parse("http://h/", PROXY),
    parse("http://h/", PROXY).origin.proxy,
    type("Local", (Aibn,), {"password": KEY}),
]


def printed(value: object) -> str:
    said = StringIO()
    Console(file=said, width=200).print(value)
    return repr(value) + str(value) + said.getvalue()


@pytest.mark.parametrize("holder", HOLDERS, ids=lambda holder: type(holder).__name__)
def test_no_secret_is_printed(holder: object) -> None:
    shown = printed(holder)
    assert KEY not in shown
    assert BASIC not in shown


async def test_no_secret_is_printed_of_what_is_made_for_a_call() -> None:
    class Up(OpenAICompatible):
        url = "http://127.0.0.1:9/v1"
        api_key = KEY
        proxy = PROXY

    transport = NativeTransport()
    route = Up.route()
    line = Up.relay_target("openai-chat", Transports(transport))
    assert isinstance(line, RelayTarget)
    service = Service("up", OpenAIChatClient(Up.url), transport, route, secrets=Up.secrets(KEY, route))
    assert KEY not in printed(line) + printed(service) + printed(
        line.templates.of("m", ChatRelayRequest("m", stream=True, fields={}))
    )
    transport.close()


def test_what_is_no_secret_is_printed() -> None:
    request = HttpRequest(url="http://h/x?key=1", body=b"x")
    assert repr(request) == "HttpRequest(method='POST', url='http://h/x?…', headers=(), body='…', mark_chunks=False)"
    assert repr(Route()).endswith("proxy=None, ca_file=None)")
