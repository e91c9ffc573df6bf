"""Where two prompts differ first, by their digests alone."""

import json

from hypothesis import given
from hypothesis import strategies as st

from dragoman.gateway.prompt_caches.fingerprint import (
    NONE,
    REGIONS,
    SIZE,
    STEP,
    Fingerprint,
    differs,
    fingerprint,
    is_prefix,
    related,
    shared,
    shared_messages,
)
from dragoman.protocols.prompt_regions import PromptRegions, RegionFields, read_regions
from dragoman.wire.steps import done

KEY = bytes(32)
WORD = st.sampled_from(["", "a", "b"])
PROMPT = st.tuples(WORD, WORD, WORD, st.lists(st.sampled_from("ab"), max_size=4))
FIELDS = RegionFields("messages", system=("system",), settings=("tool_choice",))
Prompt = tuple[str, str, str, list[str]]


def taken(tools: str, system: str, settings: str, messages: list[str], start: int = 0) -> Fingerprint:
    regions = PromptRegions(tools.encode(), system.encode(), settings.encode(), tuple(map(str.encode, messages)), start)
    return done(fingerprint(regions, KEY))


@given(PROMPT, PROMPT, st.integers(0, 2))
def test_the_first_difference_is_named(one: Prompt, other: Prompt, start: int) -> None:
    before, after = [*one[:3], *one[3]], [*other[:3], *other[3]]
    expected = next((i for i, pair in enumerate(zip(before, after, strict=False)) if pair[0] != pair[1]), None)
    earlier, later = taken(*one, start), taken(*other, start)
    found = differs(earlier, later)
    assert shared(earlier, later) == (min(len(before), len(after)) if expected is None else expected)
    if expected is None:
        assert found is None
        assert is_prefix(earlier, later) is (len(before) <= len(after))
    elif expected < len(REGIONS):
        assert found == (REGIONS[expected], None)
    else:
        assert found == ("message", expected - len(REGIONS) + start)


@given(st.data())
def test_the_region_that_is_named_is_the_first_whose_text_differs(data: st.DataObject) -> None:
    def body() -> dict[str, object]:
        messages = data.draw(st.lists(st.sampled_from("ab"), min_size=1, max_size=5))
        return {
            "tool_choice": data.draw(st.sampled_from("ab")),
            "messages": [{"role": "user", "content": each} for each in messages],
            "system": data.draw(st.sampled_from("ab")),
            "tools": [{"name": data.draw(st.sampled_from("ab"))}],
        }

    def ordered(said: dict[str, object]) -> list[str]:
        assert isinstance(said["messages"], list)
        return [json.dumps(said[name]) for name in ("tools", "system", "tool_choice")] + [
            json.dumps(each) for each in said["messages"]
        ]

    one, other = body(), body()
    regions = [read_regions(json.dumps(each).encode(), FIELDS) for each in (one, other)]
    first, second = (done(fingerprint(each, KEY)) for each in regions if each is not None)
    names = [*((name, None) for name in REGIONS), *(("message", k) for k in range(5))]
    pairs = zip(names, zip(ordered(one), ordered(other), strict=False), strict=False)
    assert differs(first, second) == next((name for name, (mine, theirs) in pairs if mine != theirs), None)


def test_messages_are_compared_whatever_stands_before_them() -> None:
    assert shared_messages(taken("a", "", "", ["a", "b"]), taken("b", "x", "y", ["a", "c"])) == 1


def test_a_place_is_that_in_the_callers_own_list() -> None:
    assert differs(taken("", "s", "", ["a", "b"], 2), taken("", "s", "", ["a", "c"], 2)) == ("message", 3)


def test_two_requests_of_one_conversation_are_related() -> None:
    one = taken("t", "s", "", ["a", "b"])
    assert related(one, taken("t", "s", "x", ["c"]))
    assert related(one, taken("", "", "", ["a"]))
    assert not related(one, taken("t", "", "", ["c"]))
    assert not related(taken("", "", "", ["a"]), taken("", "", "", ["b"]))
    assert not related(taken("", "", "", []), taken("", "", "", []))


def test_without_the_key_no_prompt_can_be_tried() -> None:
    regions = PromptRegions(b"t", b"s", b"", (b"m",))
    one, other = done(fingerprint(regions, KEY)), done(fingerprint(regions, b"x" * 32))
    assert len(one.digests) == 4 * SIZE
    assert one.digests[2 * SIZE : 3 * SIZE] == other.digests[2 * SIZE : 3 * SIZE] == NONE
    assert shared(one, other) == 0
    assert one.first_message != other.first_message


def test_others_are_served_between_two_steps() -> None:
    messages = (b"m" * (STEP // 2),) * 7
    steps = fingerprint(PromptRegions(b"", b"", b"", messages), KEY)
    assert len(list(steps)) == 2
