"""What a caller asks and what a service answers in each scenario, in a form that belongs to no protocol."""

import base64
import zlib
from typing import Any, Literal

from msgspec import Struct

Json = dict[str, Any]

Finish = Literal["done", "tool", "length", "stop_sequence", "refusal", "filter"]

Failure = Literal["401", "429", "500", "overloaded", "cut", "error", "silence"]
"""`cut`: the connection ends in mid-answer; `error`: the service says in mid-answer that it failed; `silence`: nothing
more comes in mid-answer."""


def _png() -> bytes:
    def chunk(kind: bytes, data: bytes) -> bytes:
        return len(data).to_bytes(4, "big") + kind + data + zlib.crc32(kind + data).to_bytes(4, "big")

    head = (1).to_bytes(4, "big") * 2 + bytes([8, 2, 0, 0, 0])
    pixel = zlib.compress(b"\0\xff\0\0")
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", pixel) + chunk(b"IEND", b"")


PNG = base64.b64encode(_png()).decode()
"""One red pixel, as base64 text."""
PDF = base64.b64encode(b"%PDF-1.4\n1 0 obj<</Type/Catalog>>endobj\ntrailer<</Root 1 0 R>>\n%%EOF\n").decode()
PROOF = base64.b64encode(b"only the service can read this").decode()
"""A signature, or encrypted reasoning."""
RETRY_AFTER = 7
"""Seconds that a service asks its callers to wait."""
SOURCE = "https://example.org/weather"
SCHEMA: Json = {
    "type": "object",
    "properties": {"city": {"type": "string"}},
    "required": ["city"],
    "additionalProperties": False,
}
LIMIT = 2000
STOP = "END"


class Think(Struct, frozen=True):
    """Reasoning; `proof` is what the service wants back with it."""

    text: str
    proof: str = ""


class Say(Struct, frozen=True):
    """Text. `source`: the address that it cites."""

    text: str
    source: str = ""


class Refuse(Struct, frozen=True):
    """The model's own words why it does not answer."""

    text: str


class Call(Struct, frozen=True):
    """A tool is called with these arguments; `input` instead is what a freeform tool is given."""

    id: str
    name: str
    arguments: Json = {}
    input: str = ""


class Tokens(Struct, frozen=True):
    """All of the input and of the output, and what of them came from a cache or was reasoning."""

    input: int = 100
    output: int = 20
    cached: int = 0
    reasoning: int = 0


class Answer(Struct, frozen=True):
    """What a service answers."""

    parts: tuple[Think | Say | Refuse | Call, ...] = ()
    finish: Finish = "done"
    usage: Tokens = Tokens()
    failure: Failure | None = None

    @property
    def text(self) -> str:
        """All text for the reader."""
        return "".join(part.text for part in self.parts if isinstance(part, Say))

    @property
    def thoughts(self) -> str:
        """All reasoning."""
        return "".join(part.text for part in self.parts if isinstance(part, Think))

    @property
    def refusal(self) -> str:
        """All words of refusal."""
        return "".join(part.text for part in self.parts if isinstance(part, Refuse))

    @property
    def proof(self) -> str:
        """What the service wants back with its reasoning."""
        return "".join(part.proof for part in self.parts if isinstance(part, Think))

    @property
    def source(self) -> str:
        """The address that is cited."""
        return "".join(part.source for part in self.parts if isinstance(part, Say))

    @property
    def calls(self) -> tuple[Call, ...]:
        """All calls of tools."""
        return tuple(part for part in self.parts if isinstance(part, Call))


class Result(Struct, frozen=True):
    """What the caller's tool gives."""

    text: str
    image: str = ""


class Question(Struct, frozen=True):
    """What a caller asks."""

    text: str = "How are you?"
    image: str = ""
    pdf: str = ""
    tools: tuple[str, ...] = ()
    """Names of functions that take SCHEMA."""
    freeform: str = ""
    """The name of a tool that takes any text."""
    schema: bool = False
    think: bool = False
    stop: str = ""
    cached: bool = False


class Scene(Struct, frozen=True):
    """One scenario. A second answer follows the results of the calls in the first."""

    name: str
    question: Question
    answers: tuple[Answer, ...]
    result: Result | None = None


UNICODE = 'Ünïcödé "quoted" \\ שלום 🦜\u200d👩 a\u2028b\u2029c\u0085d\te\nf'
ASK_TOOL = Question(text="Which weather?", tools=("get_weather",))
KOELN = Call("call_1abcdefgh", "get_weather", {"city": "Köln", "days": 12345678901234567890})
ROM = Call("call_2abcdefgh", "get_time", {"city": "Rom"})
WARM = Say("It is warm.")
THOUGHT = Think("First I think.", PROOF)
THINKING = Tokens(reasoning=5)
HELLO = (Say("Hello, "), Say("world."))


def _plain(name: str, *parts: Say | Refuse, **more: Any) -> Scene:
    return Scene(name, more.pop("question", Question()), (Answer(parts or HELLO, **more),))


def _called(name: str, question: Question, *parts: Think | Call, result: Result | None = None) -> Scene:
    usage = THINKING if isinstance(parts[0], Think) else Tokens()
    first = Answer(parts, "tool", usage)
    return Scene(name, question, (first, Answer((WARM,))) if result else (first,), result)


SCENES: tuple[Scene, ...] = (
    _plain("text"),
    _plain("unicode", Say(UNICODE), question=Question(text=UNICODE)),
    _called("one tool", ASK_TOOL, KOELN),
    _called("two parallel tools", Question(text="When?", tools=("get_weather", "get_time")), KOELN, ROM),
    _called("tool result", ASK_TOOL, KOELN, result=Result("20 °C")),
    _called("tool result with an image", ASK_TOOL, KOELN, result=Result("A map", PNG)),
    _plain("image", question=Question(text="What is it?", image=PNG)),
    _plain("PDF", question=Question(text="Read it.", pdf=PDF)),
    _plain("JSON schema", Say('{"city": "Köln"}'), question=Question(schema=True)),
    Scene("reasoning", Question(think=True), (Answer((THOUGHT, WARM), usage=THINKING),)),
    _called(
        "reasoning round trip",
        Question(text="Which weather?", tools=("get_weather",), think=True),
        THOUGHT,
        KOELN,
        result=Result("20 °C"),
    ),
    _called(
        "freeform tool",
        Question(freeform="shell"),
        Call("call_3abcdefgh", "shell", input='ls "-l"\n'),
        result=Result("a b"),
    ),
    _plain("stop by length", finish="length"),
    _plain("stop sequence", finish="stop_sequence", question=Question(stop=STOP)),
    _plain("refusal", Refuse("I cannot help with that."), finish="refusal"),
    _plain("content filter", Say("Well, "), finish="filter"),
    _plain("citations", Say("It is warm.", SOURCE)),
    _plain("usage with cache", usage=Tokens(cached=40), question=Question(cached=True)),
    _plain("401", failure="401"),
    _plain("429 with Retry-After", failure="429"),
    _plain("500", failure="500"),
    _plain("overloaded", failure="overloaded"),
    _plain("cut in mid-stream", failure="cut"),
    _plain("in-band error", failure="error"),
    _plain("silence", failure="silence"),
)
