"""Conversations as agents have them, piece by piece. Knows no protocol."""

from collections.abc import Callable, Mapping, Sequence
from random import Random
from typing import Literal

from msgspec import Struct


class Say(Struct, frozen=True):
    """Text."""

    text: str


class Think(Struct, frozen=True):
    """What the model thought; `proof`: the signature of another service, or none."""

    text: str
    proof: str = ""


class Call(Struct, frozen=True):
    """The model asks for a tool."""

    id: str
    name: str


class Result(Struct, frozen=True):
    """What a tool gave."""

    id: str
    name: str
    text: str = "done"
    failed: bool = False
    picture: bool = False


class Turn(Struct, frozen=True):
    """Who speaks, and what."""

    role: Literal["user", "assistant", "tool", "system", "developer"]
    parts: tuple[Say | Think | Call | Result, ...]


Story = tuple[Turn, ...]
IDS: Mapping[str, Callable[[int], str]] = {
    "anthropic": lambda n: f"toolu_01{n:022d}",
    "openai": lambda n: f"call_{n:024d}",
    "kimi": lambda n: f"functions.read:{n}",
    "vllm": lambda n: f"chatcmpl-tool-{n:032x}",
    "mistral": lambda n: f"Ab{n:07d}",
    "long": lambda n: f"call_{n:090d}",
    "unicode": lambda n: f"вызов {n}",
    "of one answer": lambda n: f"call_{n % 2}",
}
"""How services name calls."""
NAMES = ("read", "mcp.files/read", "читать", "a" * 80)


class Maker:
    """Makes the calls of one conversation."""

    def __init__(self, ids: str, name: str) -> None:
        self._id, self._number, self._name = IDS[ids], 0, name

    def call(self) -> Call:
        """The next one."""
        self._number += 1
        return Call(self._id(self._number), self._name)


def user(text: str = "go on") -> Turn:
    """The user says this."""
    return Turn("user", (Say(text),))


def said(*parts: Say | Think | Call) -> Turn:
    """The model says this."""
    return Turn("assistant", parts)


def gave(*calls: Call, failed: bool = False, picture: bool = False) -> Turn:
    """Tools answered these calls."""
    return Turn("tool", tuple(Result(call.id, call.name, failed=failed, picture=picture) for call in calls))


def _plain(make: Maker) -> Story:
    return (said(Say("yes")), user())


def _one(make: Maker) -> Story:
    call = make.call()
    return (said(Say("I read"), call), gave(call), said(Say("read")), user())


def _parallel(make: Maker) -> Story:
    one, two = make.call(), make.call()
    return (said(one, two), gave(two, one), said(Say("both")), user())


def _mixed(make: Maker) -> Story:
    one, two = make.call(), make.call()
    return (said(Say("first"), one, Say("then"), two), gave(one, two), said(Say("both")), user())


def _text_after(make: Maker) -> Story:
    call = make.call()
    return (said(call, Say("I wait")), gave(call), said(Say("read")), user())


def _failed(make: Maker) -> Story:
    call = make.call()
    return (said(call), gave(call, failed=True), said(Say("it failed")), user())


def _picture(make: Maker) -> Story:
    one, two = make.call(), make.call()
    return (said(one, two), gave(one, two, picture=True), said(Say("seen")), user())


def _signed(make: Maker) -> Story:
    call = make.call()
    return (said(Think("hm", "c2lnbmVk"), call), gave(call), said(Think("so", "c2lnbmVk"), Say("read")), user())


def _unsigned(make: Maker) -> Story:
    call = make.call()
    return (said(Think("hm"), Say("I read"), call), gave(call), said(Think("so")), user())


def _empty(make: Maker) -> Story:
    call = make.call()
    return (said(Say(""), call), gave(call), said(Say("")), user())


def _blank(make: Maker) -> Story:
    call = make.call()
    return (said(Say("\n\n"), call), gave(call), said(Say(" ")), user())


def _redirected(make: Maker) -> Story:
    call = make.call()
    return (said(call), gave(call), user("no, stop"), said(Say("well")), user())


def _interrupted(make: Maker) -> Story:
    return (said(Say("I read"), make.call()), user("no, stop"), said(Say("well")), user())


def _half_interrupted(make: Maker) -> Story:
    one, two = make.call(), make.call()
    return (said(one, two), gave(one), user("no, stop"), said(Say("well")), user())


def _system(make: Maker) -> Story:
    return (
        Turn("system", (Say("be short"),)),
        said(Say("yes")),
        user(),
        said(Say("no")),
        Turn("developer", (Say("x"),)),
        user(),
    )


def _system_within(make: Maker) -> Story:
    call = make.call()
    return (said(call), gave(call), Turn("system", (Say("be short"),)), said(Say("read")), user())


def _steps(make: Maker) -> Story:
    one, two, three = make.call(), make.call(), make.call()
    return (
        said(one),
        gave(one),
        said(Say("more"), two),
        gave(two),
        said(three),
        gave(three),
        said(Say("read")),
        user(),
    )


def _twice(make: Maker) -> Story:
    return (said(Say("a")), said(Say("b")), user("c"), user("d"))


def _late(make: Maker) -> Story:
    one, two = make.call(), make.call()
    return (said(one, two), gave(one), user("are you there?"), gave(two), said(Say("both")), user())


def _late_behind_words(make: Maker) -> Story:
    one, two = make.call(), make.call()
    first = Turn("user", (*gave(one).parts, Say("are you there?")))
    return (said(one, two), first, gave(two), said(Say("both")), user())


def _split(make: Maker) -> Story:
    one, two = make.call(), make.call()
    return (said(one), said(two), gave(one, two), said(Say("both")), user())


def _given_twice(make: Maker) -> Story:
    call = make.call()
    more = Result(call.id, call.name, "done, too")
    return (said(call), Turn("tool", (*gave(call).parts, more)), said(Say("read")), user())


def _repeated(make: Maker) -> Story:
    """Gemini CLI says each result several times after it has resumed a session (0.61.0)."""
    call = make.call()
    return (said(call), gave(call, call, call), said(Say("read")), user())


def _waits(make: Maker) -> Story:
    one, two = make.call(), make.call()
    return (said(Think("hm", "c2lnbmVk"), one, two), gave(one, two))


def _begun(make: Maker) -> Story:
    return (said(Say("Once upon ")),)


PIECES: Mapping[str, Callable[[Maker], Story]] = {
    "plain": _plain,
    "one call": _one,
    "parallel calls": _parallel,
    "text between": _mixed,
    "text after": _text_after,
    "failed": _failed,
    "pictures": _picture,
    "signed thinking": _signed,
    "unsigned thinking": _unsigned,
    "empty texts": _empty,
    "blank texts": _blank,
    "redirected": _redirected,
    "interrupted": _interrupted,
    "half interrupted": _half_interrupted,
    "system": _system,
    "system within": _system_within,
    "steps": _steps,
    "twice": _twice,
    "late": _late,
    "late behind words": _late_behind_words,
    "split": _split,
    "given twice": _given_twice,
    "repeated": _repeated,
}
"""What may happen in the middle."""
ENDS: Mapping[str, Callable[[Maker], Story]] = {"asks": lambda make: (), "waits": _waits, "begun": _begun}
STARTS: Mapping[str, Story] = {
    "usual": (Turn("system", (Say("You help."),)), user("Привет 👋")),
    "no system": (user("hi"),),
    "summary": (Turn("system", (Say("You help."),)), said(Say("Until now this was done.")), user()),
}


def story(start: str, pieces: Sequence[str], end: str, ids: str, name: str) -> Story:
    """A conversation."""
    make = Maker(ids, name)
    middle = [turn for piece in pieces for turn in PIECES[piece](make)]
    return (*STARTS[start], *middle, *ENDS[end](make))


class Choice(Struct, frozen=True):
    """What a conversation is made of."""

    start: str
    pieces: tuple[str, ...]
    end: str
    ids: str
    name: str

    @property
    def story(self) -> Story:
        """The conversation."""
        return story(self.start, self.pieces, self.end, self.ids, self.name)


def single() -> list[Choice]:
    """Each thing alone."""
    usual = [Choice("usual", (piece,), "asks", "openai", "read") for piece in PIECES]
    usual += [Choice("usual", (piece,), "waits", "openai", "read") for piece in PIECES]
    usual += [Choice(start, ("one call",), end, "openai", "read") for start in STARTS for end in ENDS]
    usual += [Choice("usual", ("parallel calls", "steps"), "asks", ids, "read") for ids in IDS]
    return usual + [Choice("usual", ("one call",), "asks", "openai", name) for name in NAMES]


def sampled(random: Random, count: int) -> list[Choice]:
    """Many things together."""
    return [
        Choice(
            random.choice([*STARTS]),
            tuple(random.choices([*PIECES], k=random.randint(2, 4))),
            random.choice([*ENDS]),
            random.choice([*IDS]),
            random.choice(NAMES),
        )
        for _ in range(count)
    ]
