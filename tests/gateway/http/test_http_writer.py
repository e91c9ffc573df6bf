"""The framing of one answer, without a connection."""

import asyncio

import pytest

from dragoman.errors import DragomanError, OverloadedError
from dragoman.gateway.http.direct_writer import DirectWriter, Watcher
from dragoman.gateway.http.http_writer import HttpResponseWriter
from dragoman.gateway.http.response_writer import ENDED, DisconnectedError
from dragoman.loop.outlet import Outlet
from dragoman.types import Outcome, ServerResponse


class Paper:
    """A connection on which everything is written down.

    `ended`: for each answer, whether the next may follow; `left`: the callers for whom no more is done; `resets`: what
    the end of the connection was to be; `outlets`: ways past the writer.
    """

    def __init__(self) -> None:
        self.congested: asyncio.Event | None = None
        self.said: list[bytes] = []
        self.ended: list[bool] = []
        self.left: list[DirectWriter] = []
        self.resets: list[bool] = []
        self.outlets: list[Outlet] = []

    def write(self, data: bytes) -> None:
        self.said.append(data)

    @property
    def service(self) -> "Paper":
        return self

    def response_ended(self, writer: DirectWriter, *, keep_alive: bool) -> bool:
        self.ended.append(keep_alive)
        return True

    def has_sent(self, writer: DirectWriter) -> bool:
        return True

    def await_sending(self, writer: DirectWriter) -> None:
        raise AssertionError("all is sent at once")

    def release(self, writer: DirectWriter) -> None:
        self.left.append(writer)

    def postpone(self, writer: DirectWriter) -> None:
        raise AssertionError("all is sent at once")

    def connect(self, outlet: Outlet) -> None:
        self.outlets.append(outlet)

    def reset_on_close(self, on: bool) -> None:
        self.resets.append(on)

    may_switch = True

    def switch(self, websocket: object) -> None:
        raise AssertionError("nobody asks for a WebSocket")

    def hand_over(self, give: object) -> bool:
        raise AssertionError("nobody takes a connection over")


class Work(Watcher):
    """What is told to those who work for a caller."""

    def __init__(self) -> None:
        self.paused = False
        self.told: list[object] = []

    def close(self) -> None:
        self.told.append("close")

    def resume(self) -> None:
        self.told.append("resume")

    def interrupt(self, error: DragomanError) -> None:
        self.told.append(error)


def writer(paper: Paper, *, keep_alive: bool = True, chunks: bool = True, body: bool = True) -> HttpResponseWriter:
    """One whose request asked for nothing special."""
    return HttpResponseWriter(
        paper, Outcome("id", "POST" if body else "HEAD", "/", 0.0), keep_alive=keep_alive, chunks=chunks
    )


def parts(data: bytes) -> tuple[set[bytes], bytes]:
    """The lines of a head but its date, and what is behind it."""
    head, _, body = data.partition(b"\r\n\r\n")
    return {line for line in head.split(b"\r\n") if not line.startswith(b"date: ")}, body


async def test_a_whole_answer_is_one_write() -> None:
    paper = Paper()
    writer(paper).send_nowait(ServerResponse(status=404, headers=(("a", "b"),), body=b"no"))
    assert paper.ended == [True]
    assert [parts(each) for each in paper.said] == [
        ({b"HTTP/1.1 404 Not Found", b"a: b", b"content-length: 2", b"x-request-id: id"}, b"no")
    ]


async def test_the_head_of_a_stream_waits_for_its_first_piece() -> None:
    paper = Paper()
    one = writer(paper)
    await one.start(200, ())
    assert one.started
    assert paper.said == []
    await one.write(b"first")
    await one.write(b"")
    await one.write(b"", more=False)
    assert parts(paper.said[0]) == (
        {b"HTTP/1.1 200 OK", b"x-request-id: id", b"transfer-encoding: chunked"},
        b"5\r\nfirst\r\n",
    )
    assert paper.said[1:] == [b"0\r\n\r\n"]
    assert paper.ended == [True]
    assert one.state is ENDED


async def test_nothing_is_said_after_the_end() -> None:
    paper = Paper()
    one = writer(paper)
    await one.send(ServerResponse(body=b"a"))
    await one.write(b"more")
    one.abort()
    one.send_heartbeat()
    assert len(paper.said) == 1
    assert paper.ended == [True]


async def test_a_cut_answer_has_no_end_and_its_connection_does_not_go_on() -> None:
    paper = Paper()
    one = writer(paper)
    await one.start(200, ())
    one.abort()
    assert parts(paper.said[0])[1] == b""
    assert paper.ended == [False]
    paper = Paper()
    writer(paper).abort()
    assert (paper.said, paper.ended) == ([], [False])


async def test_an_answer_that_ends_with_its_connection_is_reset_until_its_good_end() -> None:
    cut, whole, head, sized = Paper(), Paper(), Paper(), Paper()
    one = writer(cut, chunks=False)
    await one.start(200, ())
    await one.write(b"a")
    one.abort()
    one = writer(whole, chunks=False)
    await one.start(200, ())
    await one.write(b"a", more=False)
    one = writer(head, chunks=False, body=False)
    await one.start(200, ())
    one.abort()
    one = writer(sized, chunks=False)
    await one.start(200, (("content-length", "2"),))
    one.abort()
    assert (cut.resets, whole.resets, head.resets, sized.resets) == ([True], [True, False], [], [])


@pytest.mark.parametrize(("chunks", "keep_alive"), [(False, True), (True, False), (False, False)])
async def test_a_connection_that_will_not_go_on_says_so(chunks: bool, keep_alive: bool) -> None:
    paper = Paper()
    one = writer(paper, keep_alive=keep_alive, chunks=chunks)
    await one.start(200, ())
    await one.write(b"a", more=False)
    lines, body = parts(paper.said[0])
    assert b"connection: close" in lines
    assert body == (b"1\r\na\r\n0\r\n\r\n" if chunks else b"a")
    assert paper.ended == [False]


async def test_an_answer_to_head_has_the_head_that_get_would_have() -> None:
    for stream in (True, False):
        paper = Paper()
        one = writer(paper, body=False)
        if stream:
            await one.start(200, ())
            await one.write(b"a")
            await one.write(b"b", more=False)
        else:
            await one.send(ServerResponse(body=b"ab"))
        lines, body = parts(b"".join(paper.said))
        assert (b"transfer-encoding: chunked" if stream else b"content-length: 2") in lines
        assert body == b""
        assert paper.ended == [True]


async def test_a_header_that_breaks_out_of_its_line_is_not_sent() -> None:
    paper = Paper()
    with pytest.raises(DragomanError):
        writer(paper).send_nowait(ServerResponse(headers=(("a", "b\r\nc: d"),)))
    assert paper.said == []


async def test_who_has_gone_is_told_nothing() -> None:
    paper = Paper()
    one = writer(paper)
    one.disconnect()
    one.send_nowait(ServerResponse())
    one.abort()
    with pytest.raises(DisconnectedError):
        one.start_nowait(200, b"", sized=True)
    with pytest.raises(DisconnectedError):
        one.write_nowait(b"a")
    assert (paper.said, paper.ended) == ([], [])


async def test_a_piece_waits_until_the_caller_reads() -> None:
    paper = Paper()
    one = writer(paper)
    await one.start(200, ())
    paper.congested = asyncio.Event()
    saying = asyncio.create_task(one.write(b"a"))
    await asyncio.sleep(0)
    assert one.congested
    assert not saying.done()
    paper.congested.set()
    await saying


async def test_a_piece_for_who_leaves_meanwhile_says_so() -> None:
    paper = Paper()
    one = writer(paper)
    await one.start(200, ())
    paper.congested = asyncio.Event()
    saying = asyncio.create_task(one.write(b"a"))
    await asyncio.sleep(0)
    one.disconnect()
    paper.congested.set()
    with pytest.raises(DisconnectedError):
        await saying


async def test_a_heartbeat_is_sent_only_into_an_answer_that_is_read() -> None:
    paper = Paper()
    one = writer(paper)
    one.send_heartbeat()
    await one.start(200, ())
    one.send_heartbeat()
    assert paper.said == []
    one.heartbeat = b":"
    paper.congested = asyncio.Event()
    one.send_heartbeat()
    assert paper.said == []
    paper.congested = None
    one.send_heartbeat()
    assert parts(paper.said[0])[1] == b"1\r\n:\r\n"


async def test_the_watcher_pauses_while_the_caller_does_not_read() -> None:
    paper, work = Paper(), Work()
    one = writer(paper)
    one.pause()
    one.watcher = work
    one.pause()
    assert work.paused
    paper.congested = asyncio.Event()
    one.resume()
    assert work.told == []
    paper.congested = None
    one.resume()
    assert work.told == ["resume"]


async def test_the_watcher_learns_how_its_work_ends() -> None:
    stopped = OverloadedError("stopped")
    for end, told in {"leave": ["close"], "interrupt": [stopped], "other": [], "over": []}.items():
        paper, work = Paper(), Work()
        one = writer(paper)
        one.watcher = work
        match end:
            case "leave":
                one.disconnect()
                one.disconnect()
            case "interrupt":
                one.interrupt(stopped)
            case "other":
                one.interrupt(DisconnectedError())
            case _:
                one.send_nowait(ServerResponse())
                one.disconnect()
        assert work.told == told, end
        assert paper.left == ([one] if end in {"leave", "over"} else []), end


async def test_chunks_may_go_past_it_once_the_head_is_sent() -> None:
    paper, outlet = Paper(), Outlet()
    one = writer(paper)
    assert not one.connect(outlet)
    one.start_nowait(200, b"", sized=False)
    assert not one.connect(outlet)
    one.write_nowait(b"first")
    assert one.passed_at == 0.0
    assert one.connect(outlet)
    assert paper.outlets == [outlet]
    outlet.sent_at = 7.0
    assert one.passed_at == 7.0
    one.write_nowait(b"last", more=False)
    assert not one.connect(outlet)


@pytest.mark.parametrize(("chunks", "body", "sized"), [(False, True, False), (True, False, False), (True, True, True)])
async def test_nothing_goes_past_it_if_the_body_has_no_chunks(chunks: bool, body: bool, sized: bool) -> None:
    paper = Paper()
    one = writer(paper, chunks=chunks, body=body)
    one.start_nowait(200, b"", sized=sized)
    one.write_nowait(b"first")
    assert not one.connect(Outlet())
    assert paper.outlets == []
