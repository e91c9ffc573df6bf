"""Drafts: requests that are written as they would be sent, and sent to nobody."""

import pytest

from dragoman.engine.draft import HIDDEN, draft, hiding, relay_draft
from dragoman.engine.secrets import Secrets
from dragoman.errors import InvalidRequestError, UnsupportedFeatureError
from dragoman.protocols.base import Preliminaries
from dragoman.protocols.env import Env
from dragoman.protocols.openai_chat import OpenAIChatClient
from dragoman.protocols.openai_chat.relay import READER, ChatRelay
from dragoman.protocols.webchat.aichatonline import AiChatOnlineClient
from dragoman.protocols.webchat.cromicle import CromicleClient
from dragoman.types import ChatRequest, Headers, HttpRequest, ServerRequest, names, user
from tests.support.env import fixed_env

REQUEST = ChatRequest(model="m", messages=(user("hi"),), seed=1)


class WithHeaders(OpenAIChatClient):
    """Sends what a test wants in the head."""

    def __init__(self, headers: Headers, url: str = "http://127.0.0.1:9/v1") -> None:
        super().__init__(url)
        self._more = headers

    def encode_request(self, request: ChatRequest, env: Env) -> HttpRequest:
        return HttpRequest(url=self._url, headers=self._more)


class AtOnce(CromicleClient):
    """Has the form of an exchange, and asks nothing beforehand."""

    def encode_request(self, request: ChatRequest, env: Env) -> Preliminaries:  # type: ignore[override]  # either is allowed
        message = super().encode_request(request, env)

        def exchange() -> Preliminaries:
            yield from ()
            return message

        return exchange()


def test_a_draft_is_what_the_codec_encodes() -> None:
    codec, env = OpenAIChatClient("http://127.0.0.1:9/v1"), fixed_env(HIDDEN)
    made = draft("Up", codec, REQUEST, env, strict=False)
    assert made.request == codec.encode_request(REQUEST, env)
    assert dict(made.request.headers)["authorization"] == f"Bearer {HIDDEN}"
    assert (made.more, made.losses, made.error) == (False, (), None)


def test_of_several_requests_it_is_the_first() -> None:
    made = draft("On", AiChatOnlineClient(url="http://127.0.0.1:9"), REQUEST, fixed_env(), strict=False)
    assert made.request is not None
    assert (made.request.method, made.more) == ("GET", True)
    assert made.request.url == "http://127.0.0.1:9/api/v1/user/getUniqueId?canvas=-id0002"
    assert names(made.losses) == ("seed",)


def test_an_exchange_that_asks_nothing_beforehand_is_one_request() -> None:
    made = draft("At", AtOnce(url="http://127.0.0.1:9"), REQUEST, fixed_env(), strict=False)
    assert made.request is not None
    assert (made.request.url, made.more) == ("http://127.0.0.1:9/chat", False)


def test_what_strict_refuses_is_refused_and_still_listed() -> None:
    made = draft("Cro", CromicleClient(url="http://127.0.0.1:9"), REQUEST, fixed_env(), strict=True)
    assert isinstance(made.error, UnsupportedFeatureError)
    assert str(made.error) == "Cro: Cro cannot express: seed"
    assert (made.request, names(made.losses)) == (None, ("seed",))


@pytest.mark.parametrize(
    ("codec", "words"),
    [
        (WithHeaders((("x-more", "a\r\nb: c"),)), "holds a character that no HTTP header may hold"),
        (WithHeaders((("content-length", "3"),)), "the header 'content-length' is the transport's to write"),
        (WithHeaders((), "ftp://127.0.0.1"), "expected an absolute http or https URL"),
    ],
)
def test_what_no_transport_would_send_is_no_draft(codec: OpenAIChatClient, words: str) -> None:
    made = draft("Up", codec, REQUEST, fixed_env(), strict=False)
    assert isinstance(made.error, InvalidRequestError)
    assert words in str(made.error)
    assert made.request is None


def test_a_header_that_is_named_like_a_credential_shows_its_scheme_at_most() -> None:
    said = {
        "Authorization": "Bearer abc.def",
        "proxy-authenticate": "no secret",
        "cookie": "a=b; c=d",
        "x-api-key": "key",
        "x-auth-token": "Bearer abc",
        "UniqueId": "tok-1",
    }
    made = draft("Up", WithHeaders(tuple(said.items())), REQUEST, fixed_env(), strict=False)
    assert made.request is not None
    assert dict(made.request.headers) == {
        "Authorization": f"Bearer {HIDDEN}",
        "proxy-authenticate": "no secret",
        "cookie": HIDDEN,
        "x-api-key": HIDDEN,
        "x-auth-token": HIDDEN,
        "UniqueId": HIDDEN,
    }


def test_a_relayed_request_keeps_its_bytes_and_names_the_service_s_model() -> None:
    body = b'{ "model": "fast", "messages": [{"role":"user","content":"hi"}], "x": 1.50 }'
    request = READER.at_once(ServerRequest(method="POST", path="/", body=body))
    assert request is not None
    made = relay_draft("Up", ChatRelay("http://127.0.0.1:9/c"), request, "m", HIDDEN)
    assert made.request is not None
    assert made.request.body == b'{"model":"m","messages":[{"role":"user","content":"hi"}],"x":1.50}'
    assert made.request.headers[-1] == ("authorization", f"Bearer {HIDDEN}")
    wrong = relay_draft("Up", ChatRelay("nowhere"), request, "m", None)
    assert isinstance(wrong.error, InvalidRequestError)
    assert str(wrong.error).startswith("Up: expected an absolute")


def test_a_setting_is_shown_without_its_credentials() -> None:
    hidden = Secrets(("long-secret", "ab"))
    setting = {"headers": [("x", "long-secret"), ("y", "a ab b")], "cookie": "s=long-secret; t", "key": "ab", "n": 3}
    assert hiding(setting, hidden) == {
        "headers": [("x", HIDDEN), ("y", "a ab b")],
        "cookie": f"s={HIDDEN}; t",
        "key": HIDDEN,
        "n": 3,
    }
