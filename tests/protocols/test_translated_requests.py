"""A request that is sent in another dialect, and back, asks the same, or what is missing has its name.

Requests of all dialects are sent in each other one, read by that one's front, and sent back.
"""

import json
import random
from collections import Counter
from collections.abc import Callable, Iterator

import pytest
from msgspec import Struct

from dragoman.errors import DragomanError
from dragoman.types import ChatRequest, HttpRequest
from tests.fuzz.test_requests import QUESTIONS
from tests.strict.stories import sampled, single
from tests.strict.tellers import TELLERS
from tests.support.env import fixed_env
from tests.support.golden import cases
from tests.support.questions import Question, as_call, as_received, question
from tests.support.spoiling import spoilt_json
from tests.support.translating import FRONTS, client_of, server_of

SEED = 20_261_128
STORIES, ALL = 20, 400
"""Conversations of agents that are made up, in the default tier, and behind `--mutations`."""
SPOILT, ALL_SPOILT = 0, 20
"""How often each other request is spoilt."""
SHOWN = 8
PROFILE = fixed_env().profile

BESIDE = frozenset({"openai-chat", "ollama"})
NAMES: dict[str, tuple[str, ...]] = {
    "texts": ("messages[",),
    "thoughts": ("messages[",),
    "calls": ("messages[",),
    "results": ("messages[",),
    "media": ("messages[",),
    "state": ("messages[",),
    "order": ("messages[",),
    "tools": ("tools",),
    "hosted": ("tools",),
    "choice": ("tool_choice", "tools"),
    "form": ("response_format",),
    "effort": ("reasoning",),
}
"""How the names of losses begin by which a difference is told."""
ALSO: dict[str, str | tuple[str, ...]] = {"user": ("user", "safety_identifier")}
"""Settings whose losses have several names."""
USUAL = {
    "max_output_tokens": "anthropic requires one",
    "candidate_count": "one answer is what all services give",
    "parallel_tool_calls": "they are what services do, and without tools there are none",
    "store": "services without it store nothing, and Responses must be told",
}
"""Settings that may differ without a name, and why."""
ANYWAY: dict[str, tuple[object, ...]] = {
    "modalities": (("text",),),
    "service_tier": ("auto", "standard"),
    "truncate": (False,),
}
"""Values of others that ask for what services without the setting do."""


class Allowed(Struct, frozen=True):
    """A difference that has no name and is right. `holds` gets the service's dialect, and what was asked and read."""

    name: str
    why: str
    holds: Callable[[str, Question, Question], bool]


def _are_objects(service: str, before: Question, after: Question) -> bool:
    pairs = zip(before.calls, after.calls, strict=False)
    known = all(one == other or (isinstance(one[1], str) and isinstance(other[1], dict)) for one, other in pairs)
    return len(before.calls) == len(after.calls) and known


def _by_name(before: Question, after: Question) -> bool:
    return [tool[0] for tool in before.tools] == [tool[0] for tool in after.tools]


def _are_words_of_the_user(service: str, before: Question, after: Question) -> bool:
    """Whether the results that are missing are among what the user says."""
    without_call = [words for words, _ in (Counter(before.results) - Counter(after.results)).elements()]
    said = before.texts | {"user": before.texts["user"] + "".join(without_call)}
    same = {role: Counter(words) for role, words in said.items()}
    return service == "ollama" and same == {role: Counter(words) for role, words in after.texts.items()}


ALLOWED = (
    Allowed("calls", "a freeform tool has an object there", _are_objects),
    Allowed("texts", "a result without its call is read as words of the user there", _are_words_of_the_user),
    Allowed("results", "a call has one result", lambda service, a, b: len(b.results) < len(a.results)),
    Allowed("order", "two fields have no order", lambda service, a, b: service in BESIDE and {*a.order} == {*b.order}),
    Allowed("choice", "any of one tool is that one", lambda service, a, b: a.choice == ("required", None)),
    Allowed("tools", "a freeform tool is a function there", lambda service, a, b: _by_name(a, b)),
)


def differences(service: str, lost: frozenset[str], before: Question, after: Question) -> Iterator[str]:
    """What differs and has neither a name in `lost` nor a row in a table."""
    for name, value in before.settings.items():
        begins = ALSO.get(name, name)
        if value == after.settings[name] or name in USUAL or value in ANYWAY.get(name, ()):
            continue
        if not any(each.startswith(begins) for each in lost):
            yield f"{name}: {value!r} became {after.settings[name]!r}"
    for name, begins in NAMES.items():
        one, other = getattr(before, name), getattr(after, name)
        if one == other or any(each.startswith(begins) for each in lost):
            continue
        if not any(row.name == name and row.holds(service, before, after) for row in ALLOWED):
            yield f"{name}: {one!r:.300} became {other!r:.300}"


def sent(service: str, request: ChatRequest) -> tuple[ChatRequest, frozenset[str]]:
    """What a front reads of what `service` is sent, and the losses by their names."""
    client, env = client_of(service), fixed_env()
    lost = frozenset(loss.name for loss in client.losses(request, PROFILE))
    message = client.encode_request(client.fit(request, PROFILE), env)
    assert isinstance(message, HttpRequest)
    return server_of(service).decode_request(as_received(message)), lost


def bodies(caller: str, config: pytest.Config) -> Iterator[tuple[str, bytes]]:
    """Requests of this dialect, each with the seed that makes it."""
    more = config.getoption("--mutations")
    golden = {}
    for name, case in cases(caller).items():
        head, _, body = (case.path / "sent.http").read_bytes().partition(b"\n\n")
        if body.startswith(b"{") and b"/api/generate\n" not in head:
            golden[name] = body.strip()
    if caller in QUESTIONS:
        golden["all fields"] = json.dumps(QUESTIONS[caller][1]).encode()
    for name, body in golden.items():
        yield name, body
        for number in range(ALL_SPOILT if more else SPOILT):
            yield f"{SEED} {name} {number}", spoilt_json(body, random.Random(f"{SEED} {name} {number}"))
    for choice in [*single(), *sampled(random.Random(f"{SEED} {caller}"), ALL if more else STORIES)]:
        if choice.ids != "of one answer":  # whose results belong to several calls
            yield str(choice), json.dumps(TELLERS[caller](choice.story)).encode()


@pytest.mark.parametrize("caller", FRONTS)
def test_a_translated_request_asks_the_same_or_its_losses_are_named(caller: str, pytestconfig: pytest.Config) -> None:
    found: list[str] = []
    understood = 0
    for seed, body in bodies(caller, pytestconfig):
        try:
            request = server_of(caller).decode_request(as_call(caller, body))
        except DragomanError:
            continue
        asked = question(request)
        for service in FRONTS:
            try:
                there, lost = sent(service, request)
                again, more = sent(caller, there)
            except DragomanError:
                continue  # it is refused in words
            understood += 1
            for way, names, read in (("to", lost, there), ("by", lost | more, again)):
                wrong = differences(service, names, asked, question(read))
                found += [f"{way} {service}, {seed}: {each}" for each in wrong]
    assert understood
    assert not found, "\n".join([f"{caller}: {len(found)} of {understood}", *found[:SHOWN]])
