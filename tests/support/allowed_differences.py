"""What may differ between an answer of a service and what a caller is told of it: what has a name, and a table."""

from collections import Counter
from collections.abc import Callable, Iterator

from msgspec import Struct

from tests.support.translating import Said

NAMES = {
    "text": "answer.text",
    "refusal": "answer.refusal",
    "words": "answer.refusal",
    "thoughts": "answer.reasoning",
    "calls": "answer.tool_call",
    "ids": "answer.tool_call",
    "order": "answer.tool_call",
    "reason": "answer.finish_reason",
    "tokens": "answer.usage",
    "counts": "answer.usage",
    "sources": "answer.text.citations",
    "places": "answer.text.citations",
    "state": "answer.",
    "media": "answer.",
    "hosted": "answer.hosted",
    "stop_sequence": "answer.stop_sequence",
}
"""How the names of losses begin by which a difference is told. State and media may go with the part that has them."""

BESIDE = frozenset({"openai-chat", "ollama"})
"""Their fields stand beside each other: a whole answer has no order."""
NO_REFUSALS = frozenset({"anthropic", "gemini", "ollama"})
NEAREST = {
    ("anthropic", "content_filter"): "refusal",
    ("gemini", "pause"): "other",
    ("gemini", "refusal"): "content_filter",
    ("openai-chat", "refusal"): "content_filter",
    ("openai-responses", "refusal"): "content_filter",
    ("openai-responses", "pause"): "other",
}
"""Reasons that a front says by the nearest word."""


def _zeros(tokens: tuple[int | None, int | None]) -> tuple[int, int]:
    return tokens[0] or 0, tokens[1] or 0


def _are_objects(front: str, before: Said, after: Said) -> bool:
    pairs = zip(before.calls, after.calls, strict=False)
    known = all(one == other or (isinstance(one[1], str) and isinstance(other[1], dict)) for one, other in pairs)
    return front in NO_REFUSALS and len(before.calls) == len(after.calls) and known


def _are_joined(front: str, before: Said, after: Said) -> bool:
    if len(before.places) < len(before.sources) or (front == "gemini" and not before.ends_with_text):
        return True
    return all(any(text in place for _, place in before.places) for _, text in after.places)


def _are_files(front: str, before: Said, after: Said) -> bool:
    unsaid = Counter(after.sources) - Counter(before.sources)
    missed = Counter(before.sources) - Counter(after.sources)
    return front == "anthropic" and unsaid == Counter({("", title): count for (_, title), count in missed.items()})


def _follow_each_other(front: str, before: Said, after: Said) -> bool:
    one, other = (_squeezed(each.order) if front in NO_REFUSALS else each.order for each in (before, after))
    return one == other or (front in BESIDE and {*one} == {*other})


def _squeezed(order: list[str]) -> list[str]:
    kinds: list[str] = []
    for kind in ("Text" if kind == "Refusal" else kind for kind in order):
        if kind == "ToolCall" or kinds[-1:] != [kind]:
            kinds.append(kind)
    return kinds


class Allowed(Struct, frozen=True):
    """A difference that has no name and is right. `holds` gets the front, what the service said, and what was read."""

    name: str
    why: str
    holds: Callable[[str, Said, Said], bool]


ALLOWED = (
    Allowed("text", "a refusal is text there", lambda front, a, b: front in NO_REFUSALS and b.text == a.words),
    Allowed("refusal", "a refusal is text there", lambda front, a, b: front in NO_REFUSALS and not b.refusal),
    Allowed("words", "two fields have no order", lambda front, a, b: (a.text, a.refusal) == (b.text, b.refusal)),
    Allowed("calls", "a call that was cut, or of a freeform tool, has an object", _are_objects),
    Allowed("ids", "two calls have two ids", lambda front, a, b: len({*a.ids}) < len(a.ids) == len(b.ids)),
    Allowed("order", "two fields have no order, and a refusal is text", _follow_each_other),
    Allowed("reason", "it is the nearest word", lambda front, a, b: NEAREST.get((front, a.reason)) == b.reason),
    Allowed("reason", "calls say it", lambda front, a, b: {a.reason, b.reason} <= {"stop", "tool_call"}),
    Allowed("reason", "a refusal says it", lambda front, a, b: b.reason == "refusal" and b.refusal != ""),
    Allowed("reason", "it is the service's own word, whatever it means", lambda front, a, b: a.reason == "other"),
    Allowed("tokens", "what is not known is 0 or absent", lambda front, a, b: _zeros(a.tokens) == _zeros(b.tokens)),
    Allowed("tokens", "a part of the sum cannot be read", lambda front, a, b: front == "gemini" and None in b.tokens),
    Allowed("sources", "an address is required", lambda front, a, b: any(not url for url, _ in a.sources)),
    Allowed("sources", "the address of a file is its source there", _are_files),
    Allowed(
        "sources",
        "they come at the end, for a text that is open then",
        lambda front, a, b: front == "gemini" and not a.ends_with_text,
    ),
    Allowed("places", "texts are joined, and what is not known is all of it", _are_joined),
)


def differences(front: str, lost: frozenset[str], service: Said, caller: Said) -> Iterator[str]:
    """What differs and has neither a name in `lost` nor a row in the table."""
    for name, begin in NAMES.items():
        before, after = getattr(service, name), getattr(caller, name)
        if before == after or any(each.startswith(begin) for each in lost):
            continue
        if not any(row.name == name and row.holds(front, service, caller) for row in ALLOWED):
            yield f"{name}: {before!r:.300} became {after!r:.300}"
