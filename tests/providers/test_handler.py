"""How a service is reached is worked out once, as long as its key and its route are the same."""

import pytest

from dragoman.engine.answer import whole
from dragoman.errors import ConfigurationError
from dragoman.protocols.base import ClientCodec
from dragoman.protocols.openai_chat import OpenAIChatClient
from dragoman.providers.base import AsyncGeneratorProvider
from dragoman.providers.offline import Offline
from dragoman.providers.openai import OpenAI
from dragoman.transport.selector import Transports
from dragoman.types import ChatRequest, user
from tests.support.canned import CannedReply, CannedTransport

QUESTION = ChatRequest(model="m", messages=(user("hi"),))
ANSWER = b'{"choices":[{"message":{"content":"fine"},"finish_reason":"stop"}]}'


class Service(AsyncGeneratorProvider):
    """Notes what it is asked for."""

    url = "http://service.example"
    asked: list[str]
    secret_key = "one"

    @classmethod
    def key(cls) -> str | None:
        cls.asked.append("key")
        return cls.secret_key

    @classmethod
    def codec(cls) -> ClientCodec:
        cls.asked.append("codec")
        if len(cls.asked) == 2:
            raise ConfigurationError("not yet")
        return OpenAIChatClient(cls.url)


async def test_what_is_the_same_for_all_requests_is_found_once_and_only_if_it_was_right() -> None:
    Service.asked = []
    transport = CannedTransport(*(CannedReply([[ANSWER]]) for _ in range(3)))
    handler = Service.handler(Transports(transport))
    with pytest.raises(ConfigurationError):
        await handler(QUESTION)
    for _ in range(3):
        assert (await whole(await handler(QUESTION))).text == "fine"
    assert Service.asked == ["key", "codec", "key", "codec", "key", "key"]
    assert transport.routes[0] is transport.routes[2]


async def test_a_key_that_is_another_one_now_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    Service.asked = ["before"] * 3
    transport = CannedTransport(*(CannedReply([[ANSWER]]) for _ in range(2)))
    handler = Service.handler(Transports(transport))
    await whole(await handler(QUESTION))
    monkeypatch.setattr(Service, "secret_key", "two")
    await whole(await handler(QUESTION))
    assert [dict(sent.headers)["authorization"] for sent in transport.sent] == ["Bearer one", "Bearer two"]


async def test_a_class_that_opens_answers_itself_is_asked_each_time() -> None:
    handler = Offline.handler(Transports(CannedTransport()))
    request = ChatRequest(model="echo", messages=(user("hi"),))
    assert (await whole(await handler(request))).text == (await whole(await handler(request))).text == "hi"


async def test_a_key_that_was_missing_may_be_set_later(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    transport = CannedTransport(*(CannedReply([[ANSWER]]) for _ in range(2)))
    handler = OpenAI.handler(Transports(transport))
    await whole(await handler(QUESTION))
    monkeypatch.setenv("OPENAI_API_KEY", "sk-late")
    await whole(await handler(QUESTION))
    assert [dict(sent.headers).get("authorization") for sent in transport.sent] == [None, "Bearer sk-late"]
