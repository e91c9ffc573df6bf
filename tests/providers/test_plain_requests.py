"""Requests that are sent without a look at each part: what would look at them finds nothing, and changes nothing."""

from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from dragoman.engine.question import Question, question
from dragoman.protocols.kept_turns import with_kept
from dragoman.protocols.opaque import has_own
from dragoman.providers import AsyncGeneratorProvider
from dragoman.providers.catalogue import catalogue
from dragoman.providers.profiles import FAMILIES, KNOWN
from dragoman.types import (
    CacheBreakpoint,
    ChatRequest,
    Citation,
    Image,
    Message,
    ModelProfile,
    OpaqueState,
    ReasoningConfig,
    Text,
    Tool,
    system,
    user,
)

SERVICES = sorted({cls for cls in catalogue().values() if cls.url}, key=lambda cls: cls.__name__)
MODELS = sorted({row.pattern.replace("*", "").replace("?", "1").replace("[", "").replace("]", "") for row in FAMILIES})
PLAIN = ChatRequest(model="m", messages=(user("hi"),))

texts = st.text(min_size=1, max_size=8) | st.sampled_from([" a", "a ", "\n", "a\n\nb", '{"a": 1}', "\ud83d"])
parts = st.builds(Text, text=texts)
messages = st.builds(
    Message, role=st.sampled_from(["user", "assistant", "system"]), parts=st.lists(parts, max_size=2).map(tuple)
)
requests = st.builds(
    ChatRequest,
    model=st.sampled_from(["m", *MODELS]),
    messages=st.tuples(st.lists(messages, max_size=4).map(tuple), messages).map(lambda pair: (*pair[0], pair[1])),
    max_output_tokens=st.none() | st.sampled_from([1, 100, 4096, 70_000, 500_000]),
    temperature=st.none() | st.sampled_from([0, 0.0, 0.5, 1, 1.5, -1]),
    top_p=st.none() | st.sampled_from([0.1, 1]),
    stream=st.booleans(),
    include_usage=st.booleans(),
    extra=st.sampled_from([{}, {"openai-responses": {"include": [], "store": None}}, {"ollama": {"keep_alive": 5}}]),
)


def holds(service: type[AsyncGeneratorProvider], request: ChatRequest, profile: ModelProfile) -> bool:
    """Whether the service takes the request whole: then the long way finds nothing."""
    codec = service.chat_codec()
    if not codec.takes_whole(request, profile):
        return False
    origin = codec.origin(request.model)
    assert codec.vouched(with_kept(request, codec.name, origin)) is request
    assert not has_own(request, codec.name, origin)
    assert codec.carrying(request, frozenset()) == request
    assert question(request, codec, profile) == Question(request, (), summary=False, names=None)
    assert codec.fit(request, profile) == request
    return True


@pytest.mark.parametrize("service", SERVICES, ids=lambda service: service.__name__)
@given(request=requests)
def test_the_long_way_finds_nothing(service: type[AsyncGeneratorProvider], request: ChatRequest) -> None:
    holds(service, request, KNOWN.profile_of(request.model))


@pytest.mark.parametrize("service", SERVICES, ids=lambda service: service.__name__)
def test_every_service_takes_words_whole(service: type[AsyncGeneratorProvider]) -> None:
    turns = (system("be kind"), user("hi"), Message("assistant", (Text(text="ho"),)), user("and?"))
    for model in MODELS:
        assert holds(service, PLAIN, KNOWN.profile_of(model))
        assert holds(service, replace(PLAIN, messages=turns), KNOWN.profile_of(model))


@pytest.mark.parametrize("service", SERVICES, ids=lambda service: service.__name__)
@pytest.mark.parametrize("limit", [1, 15, 16, 4096, 1_000_000])
def test_a_limit_that_is_not_taken_is_no_plain_setting(service: type[AsyncGeneratorProvider], limit: int) -> None:
    for model in MODELS:
        holds(service, replace(PLAIN, max_output_tokens=limit), KNOWN.profile_of(model))


def others() -> Iterator[ChatRequest]:
    """Requests that are not plain, each in one thing."""
    yield replace(PLAIN, tools=(Tool(name="f"),))
    yield replace(PLAIN, reasoning=ReasoningConfig(effort="low"))
    yield replace(PLAIN, stop=("a",))
    yield replace(PLAIN, compact=True)
    yield replace(PLAIN, candidate_count=2)
    yield replace(PLAIN, temperature=1.5)
    yield replace(PLAIN, extra={"openai-chat": {"logit_bias": {}}, "anthropic": {"a": 1}})
    for part in (
        Image(url="http://127.0.0.1/a.png"),
        Text(text=" "),
        Text(text="a", cache=CacheBreakpoint()),
        Text(text="a", opaque=OpaqueState("anthropic", "a")),
        Text(text="a", citations=(Citation(kind="url", url="http://127.0.0.1"),)),
        Text(text="a", extra={"anthropic": {"a": 1}}),
    ):
        yield replace(PLAIN, messages=(Message("user", (part,)),))
    for message in (
        Message("user", (Text(text="a"),), name="Eva"),
        Message("user", ()),
        Message("developer", (Text(text="a"),)),
        Message("user", (Text(text="a"),), extra={"anthropic": {"a": 1}}),
    ):
        yield replace(PLAIN, messages=(message, *PLAIN.messages))
    yield replace(PLAIN, messages=(*PLAIN.messages, Message("assistant", (Text(text="a"),))))
    yield replace(PLAIN, messages=(*PLAIN.messages, system("a"), *PLAIN.messages))


@pytest.mark.parametrize("request_", list(others()))
def test_any_other_request_is_looked_at(request_: ChatRequest) -> None:
    for service in SERVICES:
        assert not service.chat_codec().takes_whole(request_, KNOWN.profile_of("m"))
