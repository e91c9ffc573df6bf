"""One call: what is sent, what comes back, and what is said when it goes wrong."""

import asyncio
from collections.abc import Iterator
from threading import Event, get_ident

import pytest
from msgspec.structs import replace

from dragoman.engine.answer import MANY_EVENTS, Answer, Handler, whole
from dragoman.engine.beside import MANY
from dragoman.engine.call import open_answer
from dragoman.engine.decoded import LARGE
from dragoman.engine.secrets import secrets
from dragoman.engine.service import Service
from dragoman.errors import (
    AuthenticationError,
    BadEventError,
    ConnectError,
    DragomanError,
    OverloadedError,
    TruncatedStreamError,
    UnsupportedFeatureError,
    UpstreamError,
)
from dragoman.protocols.base import ClientCodec, Preliminaries
from dragoman.protocols.decoder import Decoder
from dragoman.protocols.env import Env
from dragoman.transport.base import Route
from dragoman.transport.exhausted import overloaded
from dragoman.types import (
    ChatRequest,
    HttpRequest,
    HttpResponse,
    Loss,
    LostField,
    ModelProfile,
    PartDelta,
    PartEnd,
    PartStart,
    ResponseEnd,
    ResponseStart,
    StreamEvent,
    Text,
    user,
)
from tests.routing.test_attempts import fallback
from tests.support.canned import CannedReply, CannedTransport
from tests.support.env import fixed_env

REQUEST = ChatRequest(model="m", messages=(user("hi"),), temperature=0.5)


class Letters(Decoder):
    """Each byte is a delta; `.` is the end mark, `!` an error, `?` is held back."""

    def __init__(self) -> None:
        self._started = False
        self._held = ""

    def _read(self, data: bytes, out: list[StreamEvent]) -> None:
        if not self._started:
            self._started = True
            out += [ResponseStart(model="m"), PartStart(Text(text=""))]
        for letter in data.decode():
            match letter:
                case ".":
                    out += [PartEnd(), ResponseEnd("stop")]
                    self.done = True
                case "!":
                    raise UpstreamError("the service gave up, key=sk-secret")
                case "?":
                    self._held = letter
                case _:
                    out.append(PartDelta(letter))

    def _end(self, out: list[StreamEvent]) -> None:
        if not self.done:
            raise TruncatedStreamError("no end mark")

    def salvage(self) -> list[StreamEvent]:
        return [PartDelta(self._held)] if self._held else []


class LettersClient(ClientCodec):
    """The protocol of these tests. With `token`, a preliminary request comes first."""

    name = "letters"
    expresses = frozenset({"temperature"})
    error_types = frozenset({"text/html", "application/json"})

    def __init__(self, *, token: bool = False) -> None:
        self._token = token

    def encode_request(self, request: ChatRequest, env: Env) -> HttpRequest | Preliminaries:
        return self._exchange() if self._token else HttpRequest(url="http://service/chat")

    def _exchange(self) -> Preliminaries:
        reply = yield HttpRequest(method="GET", url="http://service/token")
        return HttpRequest(url="http://service/chat", headers=(("token", reply.body.decode()),))

    def decoder(self, request: ChatRequest) -> Decoder:
        return Letters()

    def decode_error(self, reply: HttpResponse) -> DragomanError:
        return AuthenticationError(f"{reply.head.status} {reply.body.decode()}")


def service(transport: CannedTransport, *, strict: bool = False, token: bool = False) -> Service:
    return Service("Up", LettersClient(token=token), transport, Route(), strict, secrets("sk-secret"))


async def everything(answer: Answer) -> tuple[list[StreamEvent], DragomanError | None]:
    events: list[StreamEvent] = []
    try:
        while batch := await answer.read():
            events += batch
    except DragomanError as exc:
        return events, exc
    return events, None


def text(events: list[StreamEvent]) -> str:
    return "".join(event.text for event in events if isinstance(event, PartDelta))


async def answered(*reads: list[bytes] | Exception) -> tuple[list[StreamEvent], DragomanError | None, CannedReply]:
    reply = CannedReply(reads)
    answer = await open_answer(service(CannedTransport(reply)), REQUEST, fixed_env("sk-secret"))
    return *(await everything(answer)), reply


async def test_events_come_in_the_batches_of_the_socket() -> None:
    reply = CannedReply([[b"ab", b"c"], [b"d."]])
    answer = await open_answer(service(CannedTransport(reply)), REQUEST, fixed_env())
    assert text(await answer.read()) == "abc"
    assert text(await answer.read()) == "d"
    assert await answer.read() == []
    assert await answer.read() == []
    assert reply.closed


async def test_a_read_that_brings_no_event_is_not_a_batch() -> None:
    events, error, _ = await answered([b"a"], [b""], [b"b."])
    assert (text(events), error) == ("ab", None)


async def test_the_good_beginning_comes_before_the_error_of_the_same_read() -> None:
    events, error, reply = await answered([b"ab!c"])
    assert text(events) == "ab"
    assert isinstance(error, UpstreamError)
    assert reply.closed


async def test_an_error_names_the_service_and_never_the_key() -> None:
    _, error, _ = await answered([b"!"])
    assert str(error) == "Up: the service gave up, key=…"


async def test_a_body_without_its_end_mark_is_truncated() -> None:
    events, error, _ = await answered([b"ab"])
    assert text(events) == "ab"
    assert isinstance(error, TruncatedStreamError)


async def test_what_was_held_back_comes_out_when_the_body_breaks_off() -> None:
    events, error, _ = await answered([b"ab?"], TruncatedStreamError("reset"))
    assert text(events) == "ab?"
    assert isinstance(error, TruncatedStreamError)


async def test_an_error_is_raised_again_by_every_read() -> None:
    answer = await open_answer(service(CannedTransport(CannedReply([[b"!"]]))), REQUEST, fixed_env())
    assert await answer.read()
    for _ in range(2):
        with pytest.raises(UpstreamError):
            await answer.read()


async def test_a_transfer_that_breaks_behind_the_end_mark_spoils_nothing() -> None:
    events, error, reply = await answered([b"a."], TruncatedStreamError("reset"))
    assert (text(events), error) == ("a", None)
    assert reply.closed


async def test_a_closed_answer_gives_nothing_more() -> None:
    reply = CannedReply([[b"a"], [b"b."]])
    answer = await open_answer(service(CannedTransport(reply)), REQUEST, fixed_env())
    await answer.read()
    answer.close()
    assert await answer.read() == []
    assert reply.closed


@pytest.mark.parametrize(("status", "media_type"), [(401, "text/plain"), (200, "application/json"), (500, "text/html")])
async def test_a_reply_that_is_no_answer_is_the_codecs_error(status: int, media_type: str) -> None:
    reply = CannedReply([[b"no"], [b" entry"]], status, media_type)
    with pytest.raises(AuthenticationError, match=f"Up: {status} no entry"):
        await open_answer(service(CannedTransport(reply)), REQUEST, fixed_env())
    assert reply.closed


async def test_a_failure_whose_body_breaks_off_is_still_that_failure() -> None:
    reply = CannedReply([[b"no"], TruncatedStreamError("reset")], 401)
    with pytest.raises(AuthenticationError, match="401"):
        await open_answer(service(CannedTransport(reply)), REQUEST, fixed_env())


@pytest.mark.parametrize(
    ("status", "media_type", "kind", "code"),
    [(302, "", UpstreamError, "upstream_redirect"), (200, "text/html", BadEventError, "upstream_html")],
)
async def test_redirects_and_pages_are_errors_and_are_not_shown(
    status: int, media_type: str, kind: type[DragomanError], code: str
) -> None:
    reply = CannedReply([[b"<html>secret"]], status, media_type)
    with pytest.raises(kind) as caught:
        await open_answer(service(CannedTransport(reply)), REQUEST, fixed_env())
    assert caught.value.code == code
    assert "secret" not in str(caught.value)
    assert reply.closed


async def test_a_refused_connection_names_the_service() -> None:
    with pytest.raises(ConnectError, match="Up: refused"):
        await open_answer(service(CannedTransport(ConnectError("refused"))), REQUEST, fixed_env())


async def test_what_is_used_up_here_is_not_the_services_fault_and_no_other_is_tried() -> None:
    asked: list[str] = []

    def target(name: str) -> Handler:
        async def answer(request: ChatRequest) -> Answer:
            asked.append(name)
            return await open_answer(service(CannedTransport(overloaded())), request, fixed_env())

        return answer

    with pytest.raises(OverloadedError, match=r"^dragoman: no file descriptor"):
        await fallback([target("one"), target("other")])(REQUEST)
    assert asked == ["one"]


async def test_preliminary_requests_are_sent_first() -> None:
    transport = CannedTransport(CannedReply([[b"tok"], [b"en"]]), CannedReply([[b"a."]]))
    answer = await open_answer(service(transport, token=True), REQUEST, fixed_env())
    assert text((await everything(answer))[0]) == "a"
    assert [request.url for request in transport.sent] == ["http://service/token", "http://service/chat"]
    assert transport.sent[1].headers == (("token", "token"),)


async def test_a_preliminary_request_that_fails_is_the_calls_failure() -> None:
    transport = CannedTransport(CannedReply([[b"no"]], 403))
    with pytest.raises(AuthenticationError, match="Up: 403 no"):
        await open_answer(service(transport, token=True), REQUEST, fixed_env())
    assert len(transport.sent) == 1


async def test_a_preliminary_reply_that_is_too_long_is_not_cut_in_silence() -> None:
    transport = CannedTransport(CannedReply([[b"t" * 70_000]]))
    with pytest.raises(BadEventError) as caught:
        await open_answer(service(transport, token=True), REQUEST, fixed_env())
    assert caught.value.code == "upstream_too_large"
    assert len(transport.sent) == 1


async def test_a_failures_words_count_however_its_body_ended() -> None:
    transport = CannedTransport(CannedReply([[b"no"], TruncatedStreamError("broke off")], 401))
    with pytest.raises(AuthenticationError, match="Up: 401 no"):
        await open_answer(service(transport), REQUEST, fixed_env())


async def test_what_is_lost_is_listed_at_the_start() -> None:
    request = ChatRequest(model="m", messages=(user("hi"),), temperature=0.5, seed=7)
    answer = await open_answer(service(CannedTransport(CannedReply([[b"a."]]))), request, fixed_env())
    first = (await answer.read())[0]
    assert isinstance(first, ResponseStart)
    assert first.losses == (LostField("seed"),)


async def test_strictness_refuses_before_anything_is_sent() -> None:
    transport = CannedTransport()
    request = ChatRequest(model="m", messages=(user("hi"),), seed=7)
    with pytest.raises(UnsupportedFeatureError, match="Up cannot express: seed"):
        await open_answer(service(transport, strict=True), request, fixed_env())
    assert not transport.sent


class Patient(LettersClient):
    """Looks for losses and encodes only when another has done something; notes whether that was so."""

    def __init__(self, other: Event, patience: float) -> None:
        super().__init__()
        self._other = other
        self._patience = patience
        self.went: list[bool] = []

    def losses(self, request: ChatRequest, profile: ModelProfile) -> tuple[Loss, ...]:
        self._wait()
        return super().losses(request, profile)

    def encode_request(self, request: ChatRequest, env: Env) -> HttpRequest | Preliminaries:
        self._wait()
        return super().encode_request(request, env)

    def _wait(self) -> None:
        self.went.append(self._other.wait(self._patience))
        self._other.clear()


@pytest.mark.parametrize(("messages", "patience", "beside"), [(MANY // 2, 0, False), (MANY // 2 + 1, 20, True)])
async def test_the_loop_goes_on_while_a_long_request_is_translated(
    messages: int, patience: float, beside: bool
) -> None:
    other = Event()
    codec = Patient(other, patience)
    asked = Service("Up", codec, CannedTransport(CannedReply([[b"a."]])), Route())
    request = replace(REQUEST, messages=(user("hi"),) * messages)
    asking = asyncio.create_task(open_answer(asked, request, fixed_env()))
    await asyncio.sleep(0)
    while not asking.done():
        other.set()  # nobody could, if the loop were held
        await asyncio.sleep(0)
    (await asking).close()
    assert codec.went == [beside, beside]


class Whole(Decoder):
    """A reply that is read at its end. Notes in which thread."""

    thread = 0

    def _read(self, data: bytes, out: list[StreamEvent]) -> None:
        """It is read at its end."""

    def _end(self, out: list[StreamEvent]) -> None:
        self.thread = get_ident()
        out += [ResponseStart(), PartStart(Text(text="hi")), PartEnd(), ResponseEnd("stop")]
        self.done = True


class WholeClient(LettersClient):
    """The protocol of such replies."""

    def __init__(self) -> None:
        super().__init__()
        self.whole = Whole()

    def decoder(self, request: ChatRequest) -> Decoder:
        return self.whole


@pytest.mark.parametrize(("size", "on_loop"), [(LARGE, True), (LARGE + 1, False)])
async def test_a_large_whole_reply_is_read_in_a_thread(size: int, *, on_loop: bool) -> None:
    codec, reply = WholeClient(), CannedReply([[b" " * size]])
    answer = await open_answer(Service("Up", codec, CannedTransport(reply), Route()), REQUEST, fixed_env())
    events, error = await everything(answer)
    assert (events[-1], error) == (ResponseEnd("stop"), None)
    assert reply.closed
    assert (codec.whole.thread == get_ident()) is on_loop


class Batch(list[StreamEvent]):
    """Notes in which thread it is looked through."""

    thread = 0

    def __iter__(self) -> Iterator[StreamEvent]:
        self.thread = get_ident()
        return super().__iter__()


class OneBatch(Answer):
    """An answer that comes at once."""

    def __init__(self, batch: Batch) -> None:
        self._batches: list[list[StreamEvent]] = [batch]

    async def read(self) -> list[StreamEvent]:
        return self._batches.pop() if self._batches else []

    def close(self) -> None:
        """There is nothing to close."""


@pytest.mark.parametrize(("number", "on_loop"), [(MANY_EVENTS, True), (MANY_EVENTS + 1, False)])
async def test_an_answer_of_very_many_events_is_folded_in_a_thread(number: int, *, on_loop: bool) -> None:
    pieces = [PartDelta("a")] * (number - 4)
    batch = Batch([ResponseStart(), PartStart(Text(text="")), *pieces, PartEnd(), ResponseEnd("stop")])
    response = await whole(OneBatch(batch))
    assert response.text == "a" * (number - 4)
    assert (batch.thread == get_ident()) is on_loop
