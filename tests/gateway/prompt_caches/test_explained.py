"""Why a cache was used or missed, from outcomes alone: what is compared with what, and when."""

from typing import Any

import pytest

from dragoman.gateway.prompt_caches.conversations import AGE, Conversations
from dragoman.gateway.prompt_caches.explained import (
    MIN_BODY,
    Asking,
    CachePreview,
    PromptCaches,
    cache_header,
)
from dragoman.protocols.anthropic import AnthropicServer
from dragoman.types import Attribution, CacheUse, Identity, Outcome, ServerRequest, Usage
from dragoman.wire import json
from dragoman.wire.steps import done

LONG = "canary " * 1000
CODEC = AnthropicServer()
KEY = Identity("aaaaaaaa", known=True)
Body = dict[str, Any]


def turns(*texts: str) -> list[Body]:
    return [{"role": "user" if i % 2 == 0 else "assistant", "content": text} for i, text in enumerate(texts)]


def body(*texts: str, **more: Any) -> Body:
    return {"model": "m", "tools": [{"name": "f"}, {"name": "g"}], "system": LONG, "messages": turns(*texts)} | more


class Told:
    """Requests of a caller, one after another, and what is said of each."""

    def __init__(self, lifetime: float | None = 300.0, conversations: Conversations | None = None) -> None:
        self.caches = PromptCaches(lambda target: lifetime, conversations)

    def asking(self, said: Body, session: str = "s", key: Identity = KEY, agent: str = "", model: str = "m") -> Asking:
        identity = Identity(key.fingerprint, known=True, attribution=Attribution("a", session, agent))
        call = ServerRequest(method="POST", path="/v1/messages", body=json.encode(said))
        return Asking(CODEC, call, identity, model)

    def say(self, said: Body, at: float = 0.0, cached: int | None = 90, target: str = "up/m", **more: Any) -> CacheUse:
        details = more.pop("details", {})
        usage = Usage(input_tokens=100, cache_read_tokens=cached, details=details)
        outcome = Outcome("id", "POST", "/", at, target=target, usage=usage)
        return done(self.caches.explain(self.asking(said, **more), outcome))

    def words(self, said: Body, at: float = 0.0, cached: int | None = 90, target: str = "up/m", **more: Any) -> str:
        return self.say(said, at, cached, target, **more).words


def test_what_grows_is_a_hit_with_its_counts() -> None:
    told = Told()
    assert told.say(body("a"), cached=0) == CacheUse("first", None, 0, 100)
    assert told.say(body("a", "b", "c")) == CacheUse("hit", None, 90, 10)
    assert told.say(body("a"), cached=None) == CacheUse("unknown")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"tools": [{"name": "g"}, {"name": "f"}]}, "tools"),
        ({"tools": [{"name": "f"}]}, "tools"),
        ({"system": LONG + "x"}, "system"),
        ({"tool_choice": {"type": "any"}}, "settings"),
        ({"thinking": {"type": "enabled"}}, "settings"),
        ({"messages": turns("x", "b", "c", "d", "e")}, "message 0"),
        ({"messages": turns("a", "b", "c", "x", "e")}, "message 3"),
        ({"messages": turns("a", "b", "c", "d", "e", "f")}, "hit"),
        ({"messages": turns("a", "b")}, "hit"),
        ({"temperature": 0.5}, "hit"),
        ({"tools": [], "messages": turns("a", "x")}, "tools"),
        ({"system": "", "messages": turns("a", "x"), "metadata": {"user_id": LONG}}, "system"),
    ],
)
def test_the_first_region_that_changed_is_named(change: Body, words: str) -> None:
    told = Told()
    before = body("a", "b", "c", "d", "e")
    told.say(before)
    assert done(told.caches.preview(told.asking(before | change), "up/m", 7.0)) == CachePreview(
        words.split(maxsplit=1)[0],  # type: ignore[arg-type]  # one of them
        int(words.split()[1]) if " " in words else None,
        7.0,
    )
    assert told.words(before | change) == words


def test_what_a_service_may_have_cached_is_compared_not_only_the_last_request() -> None:
    told = Told()
    told.say(body("a", "b", "c"))
    assert told.words(body("a", "x", "c")) == "message 1"
    assert told.words(body("a", "b", "c", "d", "e")) == "hit"
    assert told.words(body("a", "x", "c", "d", "e")) == "hit"


def test_another_target_has_a_cache_of_its_own() -> None:
    told = Told()
    told.say(body("a"), target="one/m")
    assert told.words(body("a", "b", "c"), target="two/m") == "target"
    assert told.words(body("a", "b", "c"), target="two/m") == "hit"
    assert told.words(body("a", "b", "c"), target="one/m") == "hit"
    preview = done(told.caches.preview(told.asking(body("a")), "three/m", 5.0))
    assert preview == CachePreview("target", None, 5.0)


@pytest.mark.parametrize(
    ("lifetime", "seconds", "cached", "words"),
    [
        (300.0, 300.0, 0, "unknown"),
        (300.0, 300.1, 0, "expired"),
        (300.0, 300.1, None, "expired"),
        (300.0, 300.1, 5, "hit"),
        (None, 3000.0, 0, "unknown"),
        (None, AGE + 1, 0, "first"),
    ],
)
def test_time_that_goes_by(lifetime: float | None, seconds: float, cached: int | None, words: str) -> None:
    told = Told(lifetime)
    told.say(body("a"), at=1000.0)
    expected = {"unknown": "hit"}.get(words, "expired" if lifetime else words)
    preview = done(told.caches.preview(told.asking(body("a")), "up/m", 1000.0 + seconds))
    assert preview is not None
    assert preview.reason == expected
    assert told.words(body("a"), at=1000.0 + seconds, cached=cached) == words


def test_a_cache_that_was_written_for_an_hour_lives_for_an_hour() -> None:
    told = Told()
    told.say(body("a"), details={"cache_write.1h": 50, "cache_write.5m": 0})
    assert told.words(body("a", "b", "c"), at=3000.0, cached=0) == "unknown"
    assert told.words(body("a", "b", "c", "d", "e"), at=6000.0, cached=0) == "unknown"
    assert told.words(body("a", "b", "c", "d", "e"), at=9601.0, cached=0) == "expired"
    told.say(body("z"), session="other", details={"cache_write.1h": 0})
    assert told.words(body("z"), session="other", at=9901.0, cached=0) == "expired"


def test_one_key_learns_nothing_of_another() -> None:
    told = Told()
    told.say(body("a"))
    assert told.words(body("a"), key=Identity("bbbbbbbb", known=True)) == "first"
    assert done(told.caches.preview(told.asking(body("a"), key=Identity()), "up/m", 0.0)) == CachePreview("first")


def test_a_session_knows_its_agents_apart() -> None:
    told = Told()
    told.say(body("a"))
    assert told.words(body("a"), agent="one") == "first"
    assert told.words(body("a"), session="other") == "first"
    assert told.words(body("a"), model="other") == "hit"


def test_what_has_nothing_in_common_in_a_session_is_the_first_of_its_kind() -> None:
    told = Told()
    told.say(body("Write a title.", system="title", tools=[]))
    assert told.words(body("a")) == "first"
    assert told.words(body("Write a title.", "b", "c", system="title", tools=[])) == "hit"
    assert told.words(body("a", "b", "c")) == "hit"


def test_without_a_session_the_first_message_names_the_conversation() -> None:
    told = Told()
    told.say(body("a"), session="")
    assert told.words(body("z"), session="") == "first"
    assert told.words(body("a"), session="", model="other") == "first"
    assert told.words(body("a", "b", "c", system=LONG + "x"), session="") == "system"


def test_a_request_whose_prompt_cannot_be_known_is_unknown() -> None:
    told = Told()
    assert told.words({"model": "m", "system": LONG}) == "unknown"
    assert done(told.caches.preview(told.asking({"system": LONG}), "up/m", 0.0)) == CachePreview("unknown")
    assert done(told.caches.preview(told.asking({"messages": turns("a")}), "up/m", 0.0)) is None


@pytest.mark.parametrize(
    ("usage", "size", "concerns"),
    [
        (None, MIN_BODY, False),
        (Usage(input_tokens=5), MIN_BODY, False),
        (Usage(cache_read_tokens=0), MIN_BODY, True),
        (Usage(cache_write_tokens=0), MIN_BODY, True),
        (Usage(cache_read_tokens=0), MIN_BODY - 1, False),
    ],
)
def test_most_requests_are_not_looked_at(usage: Usage | None, size: int, concerns: bool) -> None:
    outcome = Outcome("id", "POST", "/", 0.0, usage=usage)
    call = ServerRequest(method="POST", path="/", body=b" " * size)
    caches = Told().caches
    assert caches.concerns(outcome, call) is concerns
    outcome.cache = CacheUse("hit")
    assert not caches.concerns(outcome, call)


def test_the_number_of_conversations_is_bounded() -> None:
    known = Conversations(count=2)
    told = Told(conversations=known)
    for session in "abc":
        told.say(body("a"), session=session)
    assert len(known) == 2
    assert [told.words(body("a"), session=session) for session in "cba"] == ["hit", "hit", "first"]


def test_nothing_of_a_prompt_is_kept() -> None:
    known = Conversations()
    told = Told(conversations=known)
    told.say(body("canary", session="canary-session"), session="canary-session")
    assert len(known) == 1
    shown = repr([vars(known), vars(told.caches)])
    assert "up/m" in shown
    assert "canary" not in shown


@pytest.mark.parametrize(
    ("use", "text"),
    [
        (CacheUse("message", 3, 1200, 340), "message 3; cached=1200; uncached=340"),
        (CacheUse("first", None, 0, 5), "first; cached=0; uncached=5"),
        (CacheUse("expired"), "expired"),
    ],
)
def test_the_header_says_it_in_one_line(use: CacheUse, text: str) -> None:
    assert cache_header(use) == (("x-dragoman-cache", text),)
