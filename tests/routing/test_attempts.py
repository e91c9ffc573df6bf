"""One attempt after another by translation: what moves on, what stays, and what goes out."""

import asyncio
import re
from collections.abc import Sequence

import pytest

from dragoman.client import Client
from dragoman.engine.answer import Answer, Handler
from dragoman.errors import (
    AuthenticationError,
    BadEventError,
    ConfigurationError,
    ConnectError,
    ContentFilterError,
    ContextLengthError,
    DragomanError,
    InvalidRequestError,
    ModelNotFoundError,
    OverloadedError,
    PermissionDeniedError,
    QuotaExhaustedError,
    RateLimitError,
    TimeoutError,
    TruncatedStreamError,
    UpstreamError,
)
from dragoman.routing.attempts import translated
from dragoman.routing.plan import Target
from dragoman.transport.base import Reply
from dragoman.types import (
    ChatRequest,
    Image,
    Loss,
    PartDelta,
    PartEnd,
    PartStart,
    ResponseEnd,
    ResponseStart,
    StreamEvent,
    Text,
    fold,
    user,
)
from tests.support.routes import route

REQUEST = ChatRequest(model="fast", messages=(user("hi"),))


class Stall:
    """A silence without end; `reached` once somebody listens to it."""

    def __init__(self) -> None:
        self.reached = asyncio.Event()


Step = list[StreamEvent] | DragomanError | Stall


class Scripted(Answer):
    """Plays steps: a batch, an error, or a silence."""

    def __init__(self, steps: Sequence[Step]) -> None:
        self._steps = list(steps)
        self.closed = False

    async def read(self) -> list[StreamEvent]:
        while self._steps and not self.closed:
            match self._steps.pop(0):
                case list() as events:
                    return events
                case Stall() as stall:
                    stall.reached.set()
                    await asyncio.Event().wait()
                case error:
                    raise error
        return []

    def close(self) -> None:
        self.closed = True


class Scene:
    """A handler that opens a scripted answer, or fails to; `opened` are its answers."""

    def __init__(self, *steps: Step, refusal: DragomanError | None = None) -> None:
        self._steps = steps
        self._refusal = refusal
        self.asked: list[ChatRequest] = []
        self.opened: list[Scripted] = []

    async def __call__(self, request: ChatRequest) -> Answer:
        self.asked.append(request)
        if self._refusal is not None:
            raise self._refusal
        self.opened.append(Scripted(self._steps))
        return self.opened[-1]


def start(name: str) -> ResponseStart:
    """The beginning of that service's answer."""
    return ResponseStart(id=name)


def words(text: str) -> list[StreamEvent]:
    """A part that is said whole."""
    return [PartStart(Text(text="")), PartDelta(text), PartEnd()]


END = ResponseEnd("stop")


async def drain(answer: Answer) -> list[StreamEvent]:
    """All that an answer has left."""
    events: list[StreamEvent] = []
    while batch := await answer.read():
        events += batch
    return events


def fallback(scenes: Sequence[Handler]) -> Handler:
    """The first of these that is able to answer."""

    async def received(request: ChatRequest, reply: Reply, lost: tuple[Loss, ...]) -> Answer:
        raise AssertionError("nothing is relayed here")

    return translated(route([Target(f"service/{n}", "m", scene, received) for n, scene in enumerate(scenes)]))


async def events_of(*targets: Handler) -> list[StreamEvent]:
    """What comes of these targets in all."""
    return await drain(await fallback(targets)(REQUEST))


async def test_the_first_target_answers_and_no_other_is_asked() -> None:
    first, second = Scene([start("a")], words("hello"), [END]), Scene()
    assert await events_of(first, second) == [start("a"), *words("hello"), END]
    assert first.asked == [REQUEST]
    assert second.asked == []


MOVING = [
    ConnectError("refused"),
    TimeoutError("silent", phase="first_byte"),
    OverloadedError("full"),
    RateLimitError("slow down", retry_after=3),
    UpstreamError("502"),
    BadEventError("what"),
    TruncatedStreamError("cut"),
    AuthenticationError("bad key"),
    PermissionDeniedError("no"),
    ModelNotFoundError("none"),
    QuotaExhaustedError("paid up"),
    ConfigurationError("a certificate that was moved"),
]
STAYING = [
    InvalidRequestError("bad"),
    ContentFilterError("no"),
    ContextLengthError("long"),
]


@pytest.mark.parametrize("error", MOVING, ids=lambda error: type(error).__name__)
@pytest.mark.parametrize("begun", [None, []], ids=["refused", "opened"])
async def test_a_target_that_cannot_serve_is_passed_over(error: DragomanError, begun: list[StreamEvent] | None) -> None:
    first = Scene(refusal=error) if begun is None else Scene(error)
    second = Scene([start("b"), *words("hello"), END])
    assert await events_of(first, second) == [start("b"), *words("hello"), END]
    assert all(answer.closed for answer in first.opened)


@pytest.mark.parametrize("error", STAYING, ids=lambda error: type(error).__name__)
@pytest.mark.parametrize("begun", [None, []], ids=["refused", "opened"])
async def test_a_fault_of_the_request_goes_to_no_other_target(
    error: DragomanError, begun: list[StreamEvent] | None
) -> None:
    first, second = Scene(refusal=error) if begun is None else Scene(error), Scene([END])
    with pytest.raises(type(error)) as caught:
        await events_of(first, second)
    assert caught.value is error
    assert second.asked == []
    assert all(answer.closed for answer in first.opened)


async def test_exactly_one_start_goes_out_when_the_first_target_dies_after_its_own() -> None:
    first = Scene([start("a")], TruncatedStreamError("cut"))
    second = Scene([start("b")], [*words("hello"), END])
    events = await events_of(first, second)
    assert [event.id for event in events if isinstance(event, ResponseStart)] == ["b"]
    assert fold(events).text == "hello"
    assert first.opened[0].closed
    assert not second.opened[0].closed


CONTENT: list[list[StreamEvent]] = [
    [PartStart(Text(text=""))],
    [PartStart(Image(url="https://pictures.example/1")), PartEnd()],
    words("hello"),
    [END],
]


@pytest.mark.parametrize("content", CONTENT)
@pytest.mark.parametrize("together", [True, False], ids=["one batch", "two batches"])
async def test_once_content_has_gone_out_the_choice_is_made(content: list[StreamEvent], together: bool) -> None:
    steps = [[start("a"), *content]] if together else [[start("a")], content]
    error = OverloadedError("died")
    first, second = Scene(*steps, error), Scene([END])
    answer = await fallback([first, second])(REQUEST)
    assert [await answer.read() for _ in steps] == steps
    with pytest.raises(OverloadedError) as caught:
        await answer.read()
    assert caught.value is error
    assert str(caught.value) == "died"
    assert second.asked == []


async def test_an_answer_is_handed_over_as_soon_as_its_first_content_is_here() -> None:
    target = Scene([start("a")], [PartStart(Text(text=""))], Stall())
    async with asyncio.timeout(5):
        answer = await fallback([target])(REQUEST)
    assert await answer.read() == [start("a")]
    assert await answer.read() == [PartStart(Text(text=""))]
    answer.close()
    assert target.opened[0].closed


async def test_a_closed_answer_gives_out_nothing_more() -> None:
    target = Scene([start("a")], words("hello"), [END])
    answer = await fallback([target])(REQUEST)
    answer.close()
    answer.close()
    assert await answer.read() == []
    assert target.opened[0].closed


async def test_the_last_error_is_raised_with_the_number_of_targets_and_the_earlier_errors() -> None:
    targets = [
        Scene(refusal=ConnectError("no connection", provider="one")),
        Scene([start("b")], OverloadedError("full", provider="two")),
        Scene(refusal=RateLimitError("slow down", provider="three", retry_after=7)),
    ]
    with pytest.raises(RateLimitError) as caught:
        await events_of(*targets)
    assert str(caught.value) == "three: slow down (the last of 3 targets that were tried)"
    assert caught.value.args == (caught.value.message,)
    assert caught.value.retry_after == 7
    assert caught.value.__notes__ == ["before it: one: no connection", "before it: two: full"]
    assert targets[1].opened[0].closed


async def test_the_error_of_an_only_target_stays_as_it_is() -> None:
    error = OverloadedError("full")
    with pytest.raises(OverloadedError) as caught:
        await events_of(Scene(refusal=error))
    assert caught.value is error
    assert str(error) == "full"


async def test_a_caller_who_leaves_closes_what_is_open_and_no_other_target_is_asked() -> None:
    stall = Stall()
    first, second = Scene([start("a")], stall), Scene([END])
    task = asyncio.ensure_future(events_of(first, second))
    await stall.reached.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert first.opened[0].closed
    assert second.asked == []


async def test_a_request_may_be_asked_again_from_the_first_target_on() -> None:
    first, second = Scene(refusal=ConnectError("refused")), Scene([start("b"), END])
    handler = fallback([first, second])
    for _ in range(2):
        assert await drain(await handler(REQUEST)) == [start("b"), END]
    assert len(first.asked) == len(second.asked) == 2


def test_no_target_at_all_is_refused() -> None:
    with pytest.raises(ConfigurationError):
        fallback([])


@pytest.mark.parametrize(
    ("name", "hint"), [("falback", "; did you mean fallback?"), ("random", "; expected one of fallback, weighted, ")]
)
def test_a_strategy_that_there_is_not_is_a_mistake_of_the_configuration(name: str, hint: str) -> None:
    tables = {"models": {"route": {"targets": ["offline/echo"], "strategy": name}}}
    with pytest.raises(
        ConfigurationError, match=rf"models\.route\.strategy: there is no strategy '{name}'{re.escape(hint)}"
    ):
        Client(tables)
