"""What a provider would send, with each of its credentials taken out before anything is written."""

from typing import NamedTuple

import pytest

from dragoman.engine.draft import HIDDEN
from dragoman.engine.secrets import Secrets, secrets
from dragoman.errors import ConfigurationError, ModelNotFoundError, UnsupportedFeatureError
from dragoman.protocols.base import ClientCodec
from dragoman.protocols.env import Env
from dragoman.protocols.openai_chat import OpenAIChatClient
from dragoman.protocols.openai_chat.relay import READER
from dragoman.providers import Aibn, Cromicle, OpenAI, OpenAICompatible
from dragoman.providers.base import AsyncGeneratorProvider
from dragoman.providers.offline import Offline
from dragoman.transport.base import Route
from dragoman.types import ChatRequest, HttpRequest, Image, Message, ServerRequest, Text, names, user
from dragoman.wire import json

KEY, TOKEN, WORD = "canary-of-key", "canary-of-token", "canary-of-word"
QUESTION = ChatRequest(model="m", messages=(user("hi"),))


class Place(NamedTuple):
    """A setting that is a tuple of its own kind."""

    host: str
    port: int


class Plug(AsyncGeneratorProvider):
    """A service whose credentials stand in three places."""

    url = "http://127.0.0.1:9"
    api_key = KEY
    place = Place("far", 1)
    token = TOKEN
    fields = (("x-word", WORD), ("x-plain", "plain"))

    @classmethod
    def secrets(cls, key: str | None, route: Route) -> Secrets:
        return secrets(*super().secrets(key, route).values, TOKEN, WORD)

    @classmethod
    def codec(cls) -> ClientCodec:
        settings = cls

        class Codec(OpenAIChatClient):
            def encode_request(self, request: ChatRequest, env: Env) -> HttpRequest:
                body = json.encode({"key": env.key, "token": settings.token, "text": request.messages[0].text})
                return HttpRequest(url=f"{settings.url}/{settings.key()}", headers=settings.fields, body=body)

        return Codec(cls.url)


def shown(request: HttpRequest | None) -> str:
    """Everything of a request."""
    assert request is not None
    return f"{request.method} {request.url} {request.headers} {request.body.decode()}"


def test_no_credential_is_in_what_is_written() -> None:
    said = shown(Plug.draft(QUESTION).request)
    assert "canary" not in said
    assert said.count(HIDDEN) == 4
    assert "'plain'" in said
    assert Plug.token == TOKEN


def test_what_the_caller_writes_stays_as_it_is_so_that_nobody_can_try_keys() -> None:
    guess = f"{KEY} {TOKEN[:8]} {WORD}"
    body = Plug.draft(ChatRequest(model="m", messages=(user(guess),))).request
    assert body is not None
    assert json.decode_request(body.body) == {"key": HIDDEN, "token": HIDDEN, "text": guess}
    strict = Cromicle.configured({"strict": True, "api_key": KEY})
    refused = strict.draft(ChatRequest(model="m", messages=(user("hi"),), extra={"other": {KEY: 1}})).error
    assert KEY in str(refused)


def test_a_key_that_is_not_set_is_not_shown_as_set() -> None:
    plain = OpenAICompatible.configured({"url": "http://127.0.0.1:9"})
    assert HIDDEN not in shown(plain.draft(QUESTION).request)
    assert HIDDEN in shown(plain.configured({"api_key": "k"}).draft(QUESTION).request)


def test_a_key_of_the_environment_is_hidden_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    said = shown(OpenAI.draft(QUESTION).request)
    assert (KEY in said, HIDDEN in said) == (False, True)


def test_what_everybody_knows_is_not_hidden() -> None:
    known = Aibn.configured({"url": "http://127.0.0.1:9"})
    unsigned = known.configured({"secret": "own"})
    assert known.without_credentials().secret == "undefined"
    assert unsigned.without_credentials().secret == HIDDEN


def test_wrong_settings_are_told_as_for_a_real_call() -> None:
    assert str(OpenAICompatible.draft(QUESTION).error) == (
        "OpenAICompatible: expected a `url`, for instance http://127.0.0.1:9001/v1, got none"
    )
    relayed = READER.at_once(ServerRequest(method="POST", path="/", body=b'{"model":"m","messages":[]}'))
    assert relayed is not None
    assert isinstance(OpenAICompatible.relay_draft("openai-chat", relayed, "m").error, ConfigurationError)
    assert str(Cromicle.relay_draft("openai-chat", relayed, "m").error) == "Cromicle: Cromicle relays no openai-chat"


def test_a_class_that_answers_itself_writes_nothing() -> None:
    class Own(AsyncGeneratorProvider):
        open = Offline.open

    assert (Own.draft(QUESTION).request, Own.draft(QUESTION).error) == (None, None)


def test_an_offline_model_names_what_it_does_not_hear() -> None:
    picture = Message("user", (Text(text="hi"), Image(url="http://x/y.png")))
    made = Offline.draft(ChatRequest(model="eliza", messages=(picture,), stop=("x",)))
    assert (made.request, names(made.losses)) == (None, ("stop", "messages[0].parts[1] (image)"))
    assert isinstance(Offline.draft(ChatRequest(model="elisa", messages=(user("hi"),))).error, ModelNotFoundError)
    several = ChatRequest(model="eliza", messages=(user("hi"),), candidate_count=2)
    assert isinstance(Offline.draft(several).error, UnsupportedFeatureError)
