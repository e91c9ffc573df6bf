"""What a single call of a founding class may say: settings, and junk."""

import asyncio
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dragoman.errors import DragomanError, InvalidRequestError
from dragoman.providers import Aibn, AIChatFree, AiChatOnline, Cromicle, OpenAICompatible
from dragoman.providers.base import AsyncGeneratorProvider
from dragoman.providers.settings import SETTINGS, taken
from dragoman.transport.base import Timeouts
from tests.providers.test_request import junk, likely

NOBODY = {"url": "http://127.0.0.1:1", "impersonate": None}
PROVIDERS = [
    type(provider.__name__, (provider,), NOBODY)
    for provider in (Aibn, AIChatFree, AiChatOnline, Cromicle, OpenAICompatible)
]


def test_settings_are_taken_out_of_the_arguments() -> None:
    said: dict[str, Any] = {"url": "http://h", "password": None, "secret": None, "strict": True, "temperature": 1}
    assert taken(said) == {"url": "http://h", "password": None, "strict": True}
    assert said == {"temperature": 1}


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ({"url": 5}, "url: expected str, got int"),
        ({"password": b"hunter2"}, "password: expected str | None, got bytes"),
        ({"timeouts": 5}, "timeouts: expected Timeouts, got int"),
        ({"timeout": "5"}, "timeout: expected a finite number of seconds above 0, got str"),
        ({"timeout": 0}, "timeout: expected a finite number of seconds above 0, got int"),
        ({"proxy": 3128}, "proxy: expected a URL, got int"),
    ],
)
def test_a_setting_of_a_wrong_type_is_named_and_not_shown(said: dict[str, Any], words: str) -> None:
    with pytest.raises(InvalidRequestError) as caught:
        Aibn.create_async_generator("", [], **said)
    assert caught.value.message == words


arguments = st.dictionaries(st.sampled_from([*SETTINGS, "timeout", "stream", "seed", "tools", "odd"]), junk, max_size=3)


@settings(derandomize=True, database=None, max_examples=60, deadline=None)
@given(provider=st.sampled_from(PROVIDERS), model=st.just("m") | junk, messages=likely | junk, said=arguments)
def test_only_the_trees_own_errors_come_of_junk(
    provider: type[AsyncGeneratorProvider], model: Any, messages: Any, said: dict[str, Any]
) -> None:
    said = {"timeouts": Timeouts(connect=1)} | said
    with pytest.raises(DragomanError):
        asyncio.run(provider.create_async(model, messages, **said))
